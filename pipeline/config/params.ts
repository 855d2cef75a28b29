import { intOf } from '../graph/attribute.ts';
import type { Node, Value } from '../graph/node.ts';

/** An input of an operator that is a parameter where it is constant: learned, not computed from the sample. */
export interface Parameter {
  readonly input: number;
  /** What the configuration calls it: weight, bias, running_mean, … */
  readonly name: string;
  /** The axis of the output channels in a weight of this rank; null where it has none. Absent where the operator is never quantized per channel. */
  readonly channelAxis?: (node: Node, rank: number) => number | null;
  /** The axis of the input channels, along which blocks lie. Absent where there is no channelAxis. */
  readonly blockAxis?: (node: Node, rank: number) => number | null;
}

const bias = (input: number): Parameter => ({ input, name: 'bias' });
const scaleAndBias: readonly Parameter[] = [{ input: 1, name: 'weight' }, bias(2)];
const isTransposed = (node: Node): boolean => intOf(node, 'transB', 0) === 1;
const recurrent: readonly Parameter[] = [{ input: 1, name: 'weight_x' }, { input: 2, name: 'weight_r' }, bias(3)];

/**
 * The parameters of each operator, most usual first. The axes are AIMET's: ConvTranspose keeps its output channels on axis 1 (those of
 * one group), Gemm and MatMul have them where the product's columns are; input channels lie on the other one of these two axes.
 */
const PARAMETERS: ReadonlyMap<string, readonly Parameter[]> = new Map<string, readonly Parameter[]>([
  ['Conv', [{ input: 1, name: 'weight', channelAxis: () => 0, blockAxis: () => 1 }, bias(2)]],
  ['ConvTranspose', [{ input: 1, name: 'weight', channelAxis: () => 1, blockAxis: () => 0 }, bias(2)]],
  ['Gemm', [{ input: 1, name: 'weight', channelAxis: node => isTransposed(node) ? 0 : 1, blockAxis: node => isTransposed(node) ? 1 : 0 }, { input: 0, name: 'weight' }, bias(2)]],
  ['MatMul', [{ input: 1, name: 'weight', channelAxis: (_, rank) => rank < 2 ? null : rank - 1, blockAxis: (_, rank) => rank < 2 ? null : rank - 2 }, { input: 0, name: 'weight' }]],
  ['DeformConv', [{ input: 1, name: 'weight' }, bias(3)]],
  ['Gather', [{ input: 0, name: 'weight' }]],
  ['PRelu', [{ input: 1, name: 'weight' }]],
  ['BatchNormalization', [...scaleAndBias, { input: 3, name: 'running_mean' }, { input: 4, name: 'running_var' }]],
  ['LayerNormalization', scaleAndBias],
  ['GroupNormalization', scaleAndBias],
  ['InstanceNormalization', scaleAndBias],
  ['RMSNormalization', [{ input: 1, name: 'weight' }]],
  ['RNN', recurrent],
  ['GRU', recurrent],
  ['LSTM', recurrent],
]);

/** Names that some operator's parameter has. */
export const PARAMETER_NAMES: ReadonlySet<string> = new Set([...PARAMETERS.values()].flat().map(({ name }) => name));

/** What parameters operators of this type have; none for an operator without. */
export function parametersOf(opType: string): readonly Parameter[] {
  return PARAMETERS.get(opType) ?? [];
}

/** The parameters that a standard operator really has: constant, and of a product of two constants only the usual one. */
export function constantParameters(node: Node): { readonly parameter: Parameter; readonly value: Value }[] {
  const taken = new Set<string>();
  return parametersOf(node.opType).flatMap(parameter => {
    const value = node.inputs[parameter.input];
    if (!value || value.initializer === null || taken.has(parameter.name)) return [];
    taken.add(parameter.name);
    return [{ parameter, value }];
  });
}
