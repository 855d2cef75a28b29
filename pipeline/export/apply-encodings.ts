import { listedNames } from '../base/listed.ts';
import { placeBiases } from '../config/bias.ts';
import { layerBiases } from '../config/layer-bias.ts';
import { didYouMean } from '../config/near-name.ts';
import type { BiasQuantizer, EncodingTable, FloatQuantizer, Placement, Quantizer } from '../config/placement.ts';
import { ACTIVATION_BITWIDTHS } from '../config/supported-kernels.ts';
import { namesByFormer } from '../graph/former-names.ts';
import type { Graph, Model } from '../graph/graph.ts';
import type { EncodingsFile, FileEntry } from './encodings-file.ts';
import { granularityOf } from './file-granularity.ts';
import { belowOverrides, overriddenToFloat } from './overrides-over-files.ts';

export interface ApplyOptions {
  /** What becomes of placed quantizers that the file does not speak of: 'drop' them, or 'keep' them to be calibrated. Default 'drop'. */
  readonly rest?: 'drop' | 'keep';
}

/** A placement that agrees with a file, and what of its encodings the file has. */
export interface Applied {
  readonly placement: Placement;
  readonly encodings: EncodingTable;
  /** What the file says of int32 biases, by tensor: to compare with the steps that they are rounded with, see `biasStepWarnings`. */
  readonly biasesInFile: EncodingTable;
  readonly warnings: readonly string[];
}

/**
 * A placement on the grids of an encodings file, with the granularity and the formats that the file says. Tensors that share an encoding take
 * that of the one among them that the file has. A bias is rounded where the file has it, with the step that follows from its neighbours.
 * Overrides lie on top of the file: see overrides-over-files.ts.
 *
 * @throws QuantpipeError `encodings-invalid` with the path in the file, where it does not fit the model or the placement
 */
export function applyEncodings({ graph }: Model, placement: Placement, whole: EncodingsFile, options: ApplyOptions = {}): Applied {
  const { file, leftOut, warnings } = belowOverrides(graph, placement, underNewNames(graph, whole), options);
  const applied = applyEntries(graph, placement, file, leftOut, options);
  return { ...applied, warnings: [...warnings, ...applied.warnings] };
}

/** A file that speaks of tensors as the user's model does. Where it has both names, as ours do, the newer holds. */
function underNewNames(graph: Graph, { version, entries }: EncodingsFile): EncodingsFile {
  const names = namesByFormer(graph);
  const kept = [...entries].filter(([tensor]) => !entries.has(names.get(tensor) ?? ''));
  return { version, entries: new Map(kept.map(([tensor, entry]) => [names.get(tensor) ?? tensor, entry])) };
}

/** @param leftOut tensors that the file has, and that are not looked for in it any more */
function applyEntries(graph: Graph, placement: Placement, file: EncodingsFile, leftOut: ReadonlySet<string>, { rest = 'drop' }: ApplyOptions): Applied {
  const placed = new Map([...placement.quantizers, ...placement.floats].map(quantizer => [quantizer.tensor, quantizer]));
  const fitted = new Map([...placed.values()].flatMap(quantizer => {
    const entry = file.entries.get(quantizer.tensor);
    return entry === undefined ? [] : [[quantizer.tensor, fit(graph, quantizer, entry)] as const];
  }));
  const whole = rest === 'drop' ? [...fitted.values()] : [...placed.values()].map(quantizer => fitted.get(quantizer.tensor) ?? likeItsGroup(quantizer, fitted));
  const quantizers = whole.flatMap(({ quantizer }) => 'grid' in quantizer ? [quantizer] : []);
  const off = new Set(overriddenToFloat(placement));
  const possible = placeBiases(layerBiases(graph, placement.units), new Map(quantizers.map(quantizer => [quantizer.tensor, quantizer]))).biases.filter(({ tensor }) => !off.has(tensor));
  const asked = new Set(placement.biases.map(({ tensor }) => tensor)); // a preset may keep them in float
  const shared = repeated(possible.map(({ tensor }) => tensor)).filter(tensor => asked.has(tensor) && !file.entries.has(tensor));
  const wanted = new Set([...file.entries.keys(), ...(rest === 'keep' ? asked : shared)]);
  const biases = possible.filter(({ tensor }) => wanted.has(tensor));
  const warnings = [...file.entries].filter(([tensor]) => !placed.has(tensor))
    .flatMap(([tensor, entry]) => unplacedEntry(graph, tensor, entry, { rounded: biases, known: placement.biases }));
  const lacking = { quantizers: rest === 'drop' ? lackingIn(file, placement) : whole.filter(({ entry, quantizer }) => entry === null && !leftOut.has(quantizer.tensor)).map(({ quantizer }) => quantizer.tensor), placed: placed.size, biases: possible.filter(({ tensor }) => !wanted.has(tensor) && asked.has(tensor)) };
  return {
    placement: { ...placement, quantizers, floats: whole.flatMap(({ quantizer }) => 'format' in quantizer ? [quantizer] : []), biases },
    encodings: new Map(whole.flatMap(({ quantizer, entry }) => entry?.kind === 'integer' ? [[quantizer.tensor, entry.encodings] as const] : [])),
    biasesInFile: new Map(biases.flatMap(({ tensor }) => {
      const entry = file.entries.get(tensor);
      return entry !== undefined && bitsOf(entry) === BIAS_BITS && entry.kind === 'integer' ? [[tensor, entry.encodings] as const] : [];
    })),
    warnings: [...warnings, ...(rest === 'drop' ? sharedWarnings(shared) : []), ...lackWarnings(lacking, rest)],
  };
}

/** Quantizers that a file leaves out: not those of what was only moved out of a tensor that it has, whose codes that has already. */
function lackingIn({ entries }: EncodingsFile, { quantizers, floats }: Placement): readonly string[] {
  const groups = new Set(quantizers.filter(({ tensor }) => entries.has(tensor)).map(({ group }) => group));
  const lacking = quantizers.filter(({ tensor, group, observed }) => !entries.has(tensor) && !(groups.has(group) && !observed.includes(tensor)));
  return [...lacking, ...floats.filter(({ tensor }) => !entries.has(tensor))].map(({ tensor }) => tensor);
}

/** What the file leaves out, and what becomes of it: one sentence for quantizers, one for biases. */
function lackWarnings({ quantizers, placed, biases }: { quantizers: readonly string[]; placed: number; biases: readonly BiasQuantizer[] }, rest: 'drop' | 'keep'): string[] {
  const fate = rest === 'drop' ? 'stay in float' : 'are calibrated as the configuration has them';
  return [
    ...(quantizers.length === 0 ? [] : [`the file has no encodings of ${quantizers.length} of ${placed} placed quantizers, which ${fate}: ${listedNames(quantizers, NAMES_SHOWN)}`]),
    ...(biases.length === 0 ? [] : [`the file has no encodings of ${biases.length} ${biases.length === 1 ? 'bias' : 'biases'} beside tensors that it has, which ${biases.length === 1 ? 'stays' : 'stay'} in float: ${listedNames(biases.map(({ tensor }) => tensor), NAMES_SHOWN)}`]),
  ];
}

/** A file has one entry a tensor, and so none of a bias that layers with different steps share, see biasWarnings. */
function sharedWarnings(biases: readonly string[]): string[] {
  return biases.length === 0 ? [] : [`the file has no encodings of ${listedNames(biases, NAMES_SHOWN)}, which several layers add: int32 as the configuration has it, with the step of each layer`];
}

/** What stands in a list more than once, each once. */
function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, i) => names.indexOf(name) !== i))];
}

/** Names in a warning before the rest is counted. */
const NAMES_SHOWN = 5;

/** A quantizer on the grid or in the format that an entry says; without an entry, as it was placed. */
interface Fitted {
  readonly quantizer: Quantizer | FloatQuantizer;
  readonly entry: FileEntry | null;
}

function fit(graph: Graph, quantizer: Quantizer | FloatQuantizer, entry: FileEntry): Fitted {
  const { tensor, role, rule } = quantizer;
  if (entry.kind === 'float') return { quantizer: { tensor, role, format: entry.format, rule }, entry };
  const { bitwidth } = entry.encodings[0]!.grid;
  if (role === 'activation' && bitwidth < ACTIVATION_BITWIDTHS.least) {
    throw entry.place.error(`activations have at least ${ACTIVATION_BITWIDTHS.least} bits, got ${bitwidth} for '${tensor}'`);
  }
  const observed = role === 'weight' || graph.values.get(tensor)?.initializer ? [] : [tensor];
  const placed: Quantizer = 'grid' in quantizer ? quantizer
    : { tensor, role, grid: entry.encodings[0]!.grid, granularity: { kind: 'tensor' }, group: tensor, observed, constraint: null, rule };
  return { quantizer: { ...placed, grid: entry.encodings[0]!.grid, granularity: granularityOf(graph, placed, entry) }, entry };
}

/** What the file says of a tensor that shares its encoding with this one. */
function likeItsGroup(quantizer: Quantizer | FloatQuantizer, fitted: ReadonlyMap<string, Fitted>): Fitted {
  const member = 'grid' in quantizer ? [...fitted.values()].find(other => 'grid' in other.quantizer && other.quantizer.group === quantizer.group) : undefined;
  if (member === undefined || !('grid' in quantizer) || !('grid' in member.quantizer)) return { quantizer, entry: null };
  return { quantizer: { ...quantizer, grid: member.quantizer.grid, granularity: member.quantizer.granularity }, entry: member.entry };
}

/** An entry that no quantizer takes: refused, but for that of a bias, of which it is told. */
function unplacedEntry(graph: Graph, tensor: string, entry: FileEntry, { rounded, known }: Readonly<Record<'rounded' | 'known', readonly BiasQuantizer[]>>): string[] {
  const isAmong = (biases: readonly BiasQuantizer[]) => biases.some(bias => bias.tensor === tensor);
  if (isAmong(rounded)) return biasWarnings(tensor, entry);
  if (isAmong(known)) return [`bias '${tensor}' stays in float: the file has no encodings of the tensors whose product it is added to`];
  if (graph.values.has(tensor)) throw entry.place.error(`the configuration places no quantizer on '${tensor}'; name the one the file was made with`);
  throw entry.place.error(`the model has no tensor '${tensor}'${didYouMean(tensor, graph.values.keys())}`);
}

const BIAS_BITS = 32;

const bitsOf = (entry: FileEntry): number => entry.kind === 'float' ? 16 : entry.encodings[0]!.grid.bitwidth;

function biasWarnings(tensor: string, entry: FileEntry): string[] {
  const bits = bitsOf(entry);
  return bits === BIAS_BITS ? [] : [`bias '${tensor}' has ${bits} bits in the file and is rounded as int32, with the step of the product it is added to`];
}

/** What to calibrate, given a file: the placement on its grids, and the encodings that stay as they are. */
export interface Start {
  readonly placement: Placement;
  readonly frozen: EncodingTable;
  /** What the file says of int32 biases, where its encodings are kept. */
  readonly biasesInFile: EncodingTable;
  readonly warnings: readonly string[];
}

/**
 * A placement on the grids of an encodings file, to be calibrated: all of it, or with `freeze` only what the file leaves out.
 *
 * @throws QuantpipeError as {@link applyEncodings}
 */
export function startFromEncodings(model: Model, placement: Placement, file: EncodingsFile, { freeze }: { readonly freeze: boolean }): Start {
  const applied = applyEncodings(model, placement, file, { rest: 'keep' });
  if (freeze) return { placement: freezeEncodings(applied), frozen: applied.encodings, biasesInFile: applied.biasesInFile, warnings: applied.warnings };
  return { ...shareGrids(applied), frozen: new Map(), biasesInFile: new Map() };
}

/** A placement whose tensors with encodings keep them: nothing is observed for those. */
export function freezeEncodings({ placement, encodings }: Applied): Placement {
  return { ...placement, quantizers: placement.quantizers.map(quantizer => encodings.has(quantizer.tensor) ? { ...quantizer, observed: [] } : quantizer) };
}

/** A placement whose tensors can share their encodings again, once these are searched anew: on the grid of the first of each group. */
export function shareGrids({ placement, warnings }: Applied): Pick<Applied, 'placement' | 'warnings'> {
  const leaders = new Map(placement.quantizers.filter(({ tensor, group }) => tensor === group).map(leader => [leader.group, leader]));
  const told: string[] = [];
  const quantizers = placement.quantizers.map(quantizer => {
    const { grid, granularity, tensor } = leaders.get(quantizer.group) ?? quantizer;
    if (JSON.stringify(grid) !== JSON.stringify(quantizer.grid)) {
      told.push(`'${quantizer.tensor}' shares the encoding of '${tensor}': ${grid.bitwidth} bits, ${grid.symmetry}, ` +
        `and not ${quantizer.grid.bitwidth} bits, ${quantizer.grid.symmetry}, as the file says`);
    }
    return { ...quantizer, grid, granularity };
  });
  return { placement: { ...placement, quantizers }, warnings: [...warnings, ...told] };
}
