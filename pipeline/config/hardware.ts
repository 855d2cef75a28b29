import { listed } from '../base/listed.ts';
import type { Node, Value } from '../graph/node.ts';
import type { PlacedGraph } from './activations.ts';
import { mayBeQuantized } from './element-kind.ts';
import { inputsOf } from './operators.ts';
import { constantParameters } from './params.ts';
import type { QuantsimConfig } from './quantsim-config.ts';
import { followsFromShapes } from './shape-arithmetic.ts';
import type { TensorSetting, TensorSettings } from './tensor-settings.ts';
import type { WeightSetting } from './weights.ts';

/** Generations of the Hexagon that have 8-bit second inputs of a product only, symmetric ones. */
const EARLY: ReadonlySet<string> = new Set(['V66', 'V68', 'V69']);
/** Generations that also have 16-bit ones, which must be symmetric, with 16-bit first inputs. */
const LATE: ReadonlySet<string> = new Set(['V73', 'V75', 'V79', 'V81']);
/** What `hw_version` may be. */
export const HW_VERSIONS: readonly string[] = [...EARLY, ...LATE];

const PATH = 'defaults.hw_version';
/** Operators whose second input is a weight also where it is computed. */
const LAYERS: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/** What exceptions are made to: the settings of activations and of weights, both changed in place. */
export interface Exceptional {
  readonly placed: PlacedGraph;
  readonly config: QuantsimConfig;
  readonly activations: TensorSettings;
  readonly weights: Map<Value, WeightSetting>;
  readonly quantized: { has(value: Value): boolean };
}

/**
 * The exceptions of a Hexagon generation (`defaults.hw_version`), after all sections:
 *
 * 1. A computed second input of Conv, ConvTranspose, Gemm or MatMul is as symmetric as a weight would be, by the rule that says so of
 *    weights. (AIMET's placement has this whatever the hardware.)
 * 2. The second input of MatMul, computed or constant: V66, V68, V69: symmetric, 8 bits. V73 and later: where it has 16 bits it is symmetric,
 *    and the first input has 16 bits too. Blocks that decompress to a common width (LPBQ) are symmetric, and have that width.
 * 3. V73 and later: the parameters of GroupNormalization have the bit-width and symmetry of its output.
 *
 * An input without a quantizer stands for the nearest tensor before it that has one, as long as operators with one input lie between; constants, and
 * what follows from shapes alone (the root of a head's width), do not count.
 *
 * @returns a sentence for every exception that finds no quantizer to apply to
 * @see AIMET, aimet_onnx/quantsim.py, _apply_exception_rules
 */
export function applyHardwareRules(exceptional: Exceptional): string[] {
  const { placed: { graph, isAimet }, config: { defaults: { hwVersion } }, activations } = exceptional;
  const isKnown = hwVersion !== null && HW_VERSIONS.includes(hwVersion);
  activations.enter('exception');
  const layers = isKnown || isAimet ? graph.nodes.filter(node => node.domain === '' && LAYERS.has(node.opType)) : [];
  const warnings = applyWeightSymmetry(exceptional, layers.filter(({ inputs: [, second] }) => second?.initializer === null));
  if (!isKnown) return warnings;
  const products = layers.filter(({ opType }) => opType === 'MatMul');
  const asked = widthsOf(exceptional, products);
  // A first input that was raised may be the second of another product, so that one is looked at again.
  while (products.map(node => applyToProduct(exceptional, node, hwVersion)).includes(true));
  if (LATE.has(hwVersion)) followOutputs(exceptional, graph.nodes.filter(({ domain, opType }) => domain === '' && opType === 'GroupNormalization'));
  return [...warnings, ...widthWarnings(exceptional, asked)];
}

/** The bit-widths of what products read. */
function widthsOf(exceptional: Exceptional, products: readonly Node[]): Map<Value, number> {
  const read = products.flatMap(({ inputs }) => inputs.slice(0, 2).map(input => effective(exceptional, input!))).filter(root => root !== null);
  return new Map(read.map(root => [root, settingOf(exceptional, root).bitwidth]));
}

/** What has other bit-widths than were asked for, because the products of the hardware have no others. */
function widthWarnings(exceptional: Exceptional, asked: ReadonlyMap<Value, number>): string[] {
  const changed = [...asked].map(([root, before]) => ({ name: root.name, before, now: settingOf(exceptional, root).bitwidth })).filter(({ before, now }) => before !== now);
  if (changed.length === 0) return [];
  return [`${PATH} ${exceptional.config.defaults.hwVersion}: ${changed.length} ${changed.length === 1 ? 'input' : 'inputs'} of MatMul ${changed.length === 1 ? 'has' : 'have'} other bits than were asked for: ` +
    listed(changed.map(({ name, before, now }) => `'${name}' ${now} and not ${before}`))];
}

/**
 * Computed second inputs that layers share are as symmetric as a constant would be: a later section overrules an earlier one, in whatever order the layers stand.
 *
 * @throws `config-invalid` where op_type contradicts itself, with both rules
 */
function applyWeightSymmetry(exceptional: Exceptional, layers: readonly Node[]): string[] {
  const { config, activations, quantized } = exceptional;
  const said = new Map<Value, Symmetric[]>();
  const warnings: string[] = [];
  for (const node of layers) {
    const second = effective(exceptional, node.inputs[1]!);
    if (second === null) warnings.push(`${node.label}: no quantizer is found for its second input, so the exceptions for products of activations do not apply`);
    else if (quantized.has(second)) said.set(second, [...said.get(second) ?? [], ...weightSymmetry(node, config)]);
  }
  for (const [second, settings] of said) {
    const strongest = Math.max(...settings.map(({ section }) => section));
    for (const { section, path, isSymmetric } of settings) if (section === strongest) activations.set(second, 'isSymmetric', isSymmetric, path);
  }
  activations.enter('exception'); // what the hardware asks for overrules this, and contradicts nothing
  return warnings;
}

/** A line of the configuration that says how symmetric the weight of a layer is; later sections have higher numbers. */
interface Symmetric {
  readonly section: number;
  readonly path: string;
  readonly isSymmetric: boolean;
}

function weightSymmetry({ opType }: Node, { defaults, params, opTypes }: QuantsimConfig): Symmetric[] {
  const said: readonly (readonly [path: string, isSymmetric: boolean | null | undefined])[] = [
    ['defaults.params', defaults.params.isSymmetric], ['params.weight', params.get('weight')?.isSymmetric], [`op_type.${opType}.params.weight`, opTypes.get(opType)?.params.get('weight')?.isSymmetric],
  ];
  return said.flatMap(([path, isSymmetric], section) => isSymmetric == null ? [] : [{ section, path: `${path}.is_symmetric`, isSymmetric }]);
}

/** @returns whether something changed */
function applyToProduct(exceptional: Exceptional, { inputs }: Node, hwVersion: string): boolean {
  const [first, second] = [effective(exceptional, inputs[0]!), effective(exceptional, inputs[1]!)];
  if (first === null || second === null || [first, second].some(input => settingOf(exceptional, input).format !== null)) return false;
  const decompressed = decompressedWidth(exceptional.weights.get(second));
  if (EARLY.has(hwVersion)) return decompressed === null && change(exceptional, second, { isSymmetric: true, bitwidth: 8 });
  if ((decompressed ?? settingOf(exceptional, second).bitwidth) !== 16) return false;
  const changes = [change(exceptional, second, { isSymmetric: true }), change(exceptional, first, { bitwidth: 16 })];
  return changes.includes(true);
}

/** The common width that the blocks of a weight decompress to; null where they do not. */
function decompressedWidth(weight: WeightSetting | undefined): number | null {
  return weight?.granularity.kind === 'block' ? weight.granularity.decompressedBitwidth : null;
}

/** Parameters that several normalizations share follow the widest of their outputs, and are symmetric where one of these is. Floating-point formats, of either, follow nothing. */
function followOutputs(exceptional: Exceptional, normalizations: readonly Node[]): void {
  const followed = new Map<Value, TensorSetting[]>();
  for (const node of normalizations) {
    const output = effective(exceptional, node.outputs[0]!);
    if (output === null || settingOf(exceptional, output).format !== null) continue;
    for (const { value } of constantParameters(node)) if (exceptional.weights.get(value)?.format === null) followed.set(value, [...followed.get(value) ?? [], settingOf(exceptional, output)]);
  }
  for (const [value, outputs] of followed) {
    change(exceptional, value, { bitwidth: Math.max(...outputs.map(({ bitwidth }) => bitwidth)), isSymmetric: outputs.some(({ isSymmetric }) => isSymmetric) });
  }
}

function settingOf({ weights, activations }: Exceptional, root: Value) {
  return weights.get(root) ?? activations.of(root);
}

function change(exceptional: Exceptional, root: Value, wanted: { readonly isSymmetric?: boolean; readonly bitwidth?: number }): boolean {
  const before = settingOf(exceptional, root);
  const { isSymmetric = before.isSymmetric, bitwidth = before.bitwidth } = wanted;
  if (before.isSymmetric === isSymmetric && before.bitwidth === bitwidth) return false;
  const weight = exceptional.weights.get(root);
  if (weight !== undefined) {
    exceptional.weights.set(root, { ...weight, isSymmetric, bitwidth, rule: { section: 'exception', path: PATH } });
  } else {
    exceptional.activations.set(root, 'isSymmetric', isSymmetric, PATH);
    exceptional.activations.set(root, 'bitwidth', bitwidth, PATH);
  }
  return true;
}

/** The tensor whose quantizer decides the codes of `value`; null where none does, or several do. */
function effective(exceptional: Exceptional, value: Value): Value | null {
  const { placed: { operators, tied }, quantized, weights } = exceptional;
  const root = tied.rootOf(value);
  if (quantized.has(root) || weights.get(root)?.isQuantized) return root;
  if (root.producer === null) return null;
  const before = operators.producerOf(root) === null ? root.producer.inputs.filter(input => input !== null) : inputsOf(operators.of(root.producer));
  const inputs = before.filter(input => input.initializer === null && mayBeQuantized(input) && !followsFromShapes(input));
  return inputs.length === 1 ? effective(exceptional, inputs[0]!) : null;
}
