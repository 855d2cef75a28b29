import { elementCount } from '../../base/tensor.ts';
import { floatOf, intOf } from '../../graph/attribute.ts';
import type { Graph } from '../../graph/graph.ts';
import type { Node, Value } from '../../graph/node.ts';
import { contentOf, isConstant } from './layer.ts';

/** What a node does to each channel: y[c] = scale[c] * x[c] + shift[c]. Lists of one element hold for every channel. */
export interface Affine {
  readonly node: Node;
  readonly input: Value;
  readonly scale: readonly number[];
  readonly shift: readonly number[];
  /** Rank of the constant where it is written with one, [1, C, 1, 1] say: it must not outrank the tensor. 0: fits any. */
  readonly rank: number;
  /** Position of the channels counted from the end in the constant: 3 for [1, C, 1, 1]; null: one element, or BatchNormalization. */
  readonly axisFromEnd: number | null;
  /** The constant, where the node is an Add or Sub: as a bias it can keep its name. */
  readonly constant: Value | null;
}

/** `node` as a per-channel affine map, or null. Read in float64. */
export function affineOf(graph: Graph, node: Node): Affine | null {
  if (node.domain !== '' || node.outputs.filter(output => output !== null).length !== 1) return null;
  return node.opType === 'BatchNormalization' ? batchNorm(graph, node) : arithmetic(graph, node);
}

/** y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, in inference. */
function batchNorm(graph: Graph, node: Node): Affine | null {
  const [input, ...constants] = node.inputs;
  if (!input || constants.length < 4 || intOf(node, 'training_mode', 0) === 1) return null;
  if (!constants.every(value => isConstant(graph, value))) return null;
  const [gamma, beta, mean, variance] = constants.map(value => contentOf(value!));
  if ([beta, mean, variance].some(list => list!.length !== gamma!.length)) return null;
  const epsilon = floatOf(node, 'epsilon', 1e-5);
  const scale = Array.from(gamma!, (factor, c) => factor / Math.sqrt(variance![c]! + epsilon));
  const shift = Array.from(beta!, (added, c) => added - mean![c]! * scale[c]!);
  return { node, input, scale, shift, rank: 0, axisFromEnd: null, constant: null };
}

/** Mul, Add, and Sub of a constant with at most one axis that is not 1. */
function arithmetic(graph: Graph, node: Node): Affine | null {
  const at = node.inputs.findIndex(value => isConstant(graph, value));
  const [constant, input] = [node.inputs[at], node.inputs[1 - at]];
  if (!constant || !input || isConstant(graph, input) || (node.opType === 'Sub' && at === 0)) return null;
  const { dims } = constant.initializer!;
  const axis = dims.findIndex(dim => dim !== 1);
  if (elementCount(dims) !== (axis < 0 ? 1 : dims[axis])) return null;
  const form = { node, input, rank: dims.length, axisFromEnd: axis < 0 ? null : dims.length - axis };
  const values = (): number[] => Array.from(contentOf(constant));
  switch (node.opType) {
    case 'Mul': return { ...form, scale: values(), shift: [0], constant: null };
    case 'Add': return { ...form, scale: [1], shift: values(), constant };
    case 'Sub': return { ...form, scale: [1], shift: values().map(value => -value), constant: null };
  }
  return null;
}
