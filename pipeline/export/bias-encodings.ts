import type { BiasQuantizer, EncodingTable, Placement } from '../config/placement.ts';
import type { Graph } from '../graph/graph.ts';
import { biasScales } from '../quant/bias.ts';
import type { Encoding } from '../quant/encoding.ts';
import { PER_TENSOR } from '../quant/granularity.ts';
import { type Grid, steps } from '../quant/grid.ts';
import type { NamedEncodings } from './encodings-content.ts';
import { encodingsOf } from './insert-quantizer.ts';

/**
 * The int32 encodings of biases: one per element where the weight has encodings for its channels. A bias that several nodes share has a step for
 * each of them; where these agree it has one entry, and where not none: a file has one entry per name. See {@link biasWarnings}.
 */
export function biasEncodings(graph: Graph, placement: Placement, encodings: EncodingTable): NamedEncodings[] {
  return byTensor(placement).map(sharing => sharing.map(bias => namedBias(graph, bias, encodings))).filter(agree).map(([named]) => named!);
}

/** The biases that no encodings file can say, because nodes that share them need different steps: one sentence each. */
export function biasWarnings(graph: Graph, placement: Placement, encodings: EncodingTable): string[] {
  return byTensor(placement).flatMap(sharing => {
    const named = sharing.map(bias => namedBias(graph, bias, encodings));
    if (agree(named)) return [];
    const differing = named.findIndex(other => !agree([named[0]!, other]));
    const at = named[0]!.encodings.findIndex(({ delta }, i) => delta !== named[differing]!.encodings[i]?.delta);
    const stepOf = (reader: number) => named[reader]!.encodings[Math.max(at, 0)]!.delta.toPrecision(4);
    return [`bias '${named[0]!.tensor}' has no entry in the encodings file, which has one a tensor: ${titleOf(graph, sharing[0]!)} adds it in steps of ${stepOf(0)}, ` +
      `${titleOf(graph, sharing[differing]!)} in steps of ${stepOf(differing)}; the exported model holds both`];
  });
}

/** Steps of a file that are the same but for the digits that its maker wrote. */
const SAME_STEP = 1e-4;

/** The biases whose steps in a file are not those of the products that they are added to, with which they are rounded: one sentence each. */
export function biasStepWarnings(graph: Graph, placement: Placement, encodings: EncodingTable, inFile: EncodingTable): string[] {
  return byTensor(placement).flatMap(([bias, ...others]) => {
    const told = inFile.get(bias!.tensor);
    if (told === undefined) return [];
    return [bias!, ...others].flatMap(reader => differingStep(graph, reader, namedBias(graph, reader, encodings).encodings, told)).slice(0, 1);
  });
}

function differingStep(graph: Graph, bias: BiasQuantizer, rounded: readonly Encoding[], told: readonly Encoding[]): string[] {
  const elements = Math.max(rounded.length, told.length);
  const stepOf = (listed: readonly Encoding[], element: number) => listed[element % listed.length]!.delta; // one may be for all
  const at = Array.from({ length: elements }, (_, i) => i).find(i => !(Math.abs(stepOf(told, i) / stepOf(rounded, i) - 1) <= SAME_STEP));
  if (at === undefined) return [];
  const which = elements > 1 ? ` for element ${at}` : '';
  return [`bias '${bias.tensor}' has a step of ${stepOf(told, at).toPrecision(4)}${which} in the file and is rounded in steps of ${stepOf(rounded, at).toPrecision(4)}, ` +
    `the step of '${bias.input}' times that of '${bias.weight}', which ${titleOf(graph, bias)} multiplies`];
}

function byTensor({ biases }: Placement): BiasQuantizer[][] {
  const readers = new Map<string, BiasQuantizer[]>();
  for (const bias of biases) readers.set(bias.tensor, [...readers.get(bias.tensor) ?? [], bias]);
  return [...readers.values()];
}

function agree([first, ...others]: readonly NamedEncodings[]): boolean {
  return others.every(other => JSON.stringify(other) === JSON.stringify(first));
}

function titleOf({ nodes }: Graph, { node }: BiasQuantizer): string {
  return nodes.find(({ label }) => label === node)?.title ?? node;
}

function namedBias(graph: Graph, { tensor, input, weight, granularity }: BiasQuantizer, encodings: EncodingTable): NamedEncodings {
  const dimsOf = (name: string) => graph.values.get(name)?.initializer?.dims ?? [];
  const dims = dimsOf(tensor);
  const scales = biasScales(encodingsOf(encodings, input)[0]!, { tensor: weight, dims: dimsOf(weight), granularity, encodings: encodingsOf(encodings, weight) });
  const named = { kind: 'integer', tensor, grid: BIAS_GRID, dims } as const;
  if (granularity.kind === 'tensor') return { ...named, granularity: PER_TENSOR, encodings: [biasEncoding(scales[0]!)] };
  const elements = dims.at(-1) ?? 1; // groups of a transposed convolution share the scales of their channels
  const each = Array.from({ length: elements }, (_, i) => biasEncoding(scales[i % scales.length]!));
  return { ...named, granularity: { kind: 'channel', axis: Math.max(0, dims.length - 1) }, encodings: each };
}

/** What int32 stores. */
const BIAS_GRID: Grid = { bitwidth: 32, symmetry: 'symmetric' };

function biasEncoding(delta: number): Encoding {
  const offset = -(2 ** 31);
  return { delta, offset, min: delta * offset, max: delta * (steps(BIAS_GRID) + offset), grid: BIAS_GRID };
}
