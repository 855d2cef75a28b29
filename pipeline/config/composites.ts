import { elementCount } from '../base/tensor.ts';
import { floatOf, intsOf } from '../graph/attribute.ts';
import type { Graph } from '../graph/graph.ts';
import { anything, constant, isNear, keepsRank, matchesAt, oneOf, op, type Pattern, product, scalar, scalarOf, where } from '../graph/match.ts';
import type { Initializer, Node, Value } from '../graph/node.ts';
import { movedInput } from './data-movement.ts';
import { followsFromShapes } from './shape-arithmetic.ts';
import { LEFT_OUT } from './masks.ts';

/** An operator that exporters write out in primitive ones, and that runtimes put together again. */
export interface Composite {
  /** The configuration's name for it; also the ONNX operator that it is, unless `opType` names another. */
  readonly kind: string;
  /** The operator type whose settings hold for it. */
  readonly opType?: string;
  /** The whole first: what one pattern matched is not matched again by a later one. */
  readonly patterns: readonly Pattern[];
  /** The pass in AIMET's supergroup_pass_list that does the same. */
  readonly pass?: string;
  /** Only where the configuration asks for it. */
  readonly onRequest?: boolean;
}

const x = anything('x');
/** An input that says where values lie, not what they are: whoever computes it is no part of the operator. */
const unread: Pattern = (_, match) => [match];

/** Clip to these bounds, which are attributes before opset 11 and constant inputs since. */
const clipped = (pattern: Pattern, low: number, high: number): Pattern => where(op('Clip', pattern), ({ producer: clip }) => {
  const bound = (name: string, input: number) => clip!.inputs[input] ? scalarOf(clip!.inputs[input]) ?? NaN : floatOf(clip!, name, NaN);
  return isNear(bound('min', 1), low) && isNear(bound('max', 2), high);
});

const square = (pattern: Pattern): Pattern => oneOf(op('Pow', pattern, scalar(2)), op('Mul', pattern, pattern));
const cube = (pattern: Pattern): Pattern => oneOf(op('Pow', pattern, scalar(3)), product(pattern, pattern, pattern));

/** Over some axes, or over all behind the channels. */
const meanOf = (pattern: Pattern): Pattern => oneOf(op('ReduceMean', pattern), op('GlobalAveragePool', pattern));
/** sqrt(mean(squared^2) + epsilon), and one over that */
const rootMeanSquare = (squared: Pattern): Pattern => op('Sqrt', op('Add', meanOf(square(squared)), constant()));
const inverseRootMeanSquare = (squared: Pattern): Pattern => oneOf(op('Reciprocal', rootMeanSquare(squared)), op('Div', scalar(1), rootMeanSquare(squared)));
const overRootMeanSquare = (value: Pattern, squared: Pattern): Pattern =>
  oneOf(op('Div', value, rootMeanSquare(squared)), op('Mul', value, inverseRootMeanSquare(squared)));

/** A normalized value with weight and bias, with one of them, or with neither. */
const scaledAndShifted = (normalized: Pattern): Pattern[] => {
  const scaled = op('Mul', normalized, constant());
  return [op('Add', scaled, constant()), op('Add', normalized, constant()), scaled, normalized];
};

const mean = meanOf(x);
/** A transposition of one channel, which tf2onnx writes as a Reshape, leaves the mean as it is. */
const centred = op('Sub', x, oneOf(mean, where(op('Reshape', mean, constant()), keepsShape)));
/** As Keras has it: x times a factor, and that factor times the mean taken off, in one form or another. */
const factor = oneOf(op('Mul', inverseRootMeanSquare(centred), constant()), inverseRootMeanSquare(centred));
const lessMean = op('Mul', op('Neg', mean), factor);
const asInKeras = op('Add', op('Mul', x, factor), oneOf(op('Add', lessMean, constant()), op('Sub', constant(), op('Mul', mean, factor)), lessMean));
const layerNormalization = [...scaledAndShifted(overRootMeanSquare(centred, centred)), asInKeras];
const rmsNormalization = [...scaledAndShifted(overRootMeanSquare(x, x)).slice(2), op('Mul', x, op('Mul', inverseRootMeanSquare(x), constant()))]; // the last as in Keras

const onePlusErf = op('Add', op('Erf', product(x, Math.SQRT1_2)), scalar(1));
const ROOT_2_OVER_PI = Math.sqrt(2 / Math.PI);
/** To channels last and back, which tf2onnx leaves around a Pow. */
const movedThere = (pattern: Pattern): Pattern => where(op('Transpose', pattern), isPermuted(rank => [0, ...range(2, rank), 1]));
const movedBack = (pattern: Pattern): Pattern => where(op('Transpose', pattern), isPermuted(rank => [0, rank - 1, ...range(1, rank - 1)]));
const tanhArgument = oneOf(
  product(op('Add', x, product(cube(x), 0.044715)), ROOT_2_OVER_PI),
  product(op('Add', x, movedBack(product(cube(movedThere(x)), 0.044715))), ROOT_2_OVER_PI),
  product(x, op('Add', product(x, x, 0.044715), scalar(1)), ROOT_2_OVER_PI),
);
const onePlusTanh = op('Add', op('Tanh', tanhArgument), scalar(1));
const gelu = [product(x, onePlusErf, 0.5), product(x, onePlusTanh, 0.5)];

const sixth = 1 / 6;
const relu6OfShifted = clipped(op('Add', x, scalar(3)), 0, 6);
const hardSigmoid = [product(relu6OfShifted, sixth), clipped(op('Add', product(x, sixth), scalar(0.5)), 0, 1)];
const hardSigmoidOperator = where(op('HardSigmoid', x), ({ producer }) => isNear(floatOf(producer!, 'alpha', 0.2), sixth) && isNear(floatOf(producer!, 'beta', 0.5), 0.5));
const hardSwish = [product(x, relu6OfShifted, sixth), op('Mul', x, oneOf(...hardSigmoid, hardSigmoidOperator))];

/** x, or x times a factor: what the sigmoid of a Swish is taken of. */
const gated = oneOf(x, op('Mul', x, where(constant(), value => scalarOf(value) !== null)));
/** 1 + exp(-z), by which 1 divided is the sigmoid of z */
const onePlusExp = op('Add', op('Exp', oneOf(op('Neg', gated), op('Mul', gated, scalar(-1)))), scalar(1));
const sigmoid = oneOf(op('Sigmoid', gated), op('Div', scalar(1), onePlusExp), op('Reciprocal', onePlusExp));
const swish = oneOf(op('Mul', x, sigmoid), op('Div', x, onePlusExp)); // the last as PyTorch decomposes it

const exponential = op('Exp', oneOf(op('Sub', x, op('ReduceMax', x)), x));
const sum = op('ReduceSum', exponential);
const softmax = [op('Div', exponential, sum), op('Mul', exponential, op('Reciprocal', sum))];

const masking: Pattern = (value, match) => (isMask(value) ? [match] : []);
/** A mask and its Softmax: between them an encoding would either be ruined by the mask's value or not reach it. */
const maskedSoftmax = op('Softmax', oneOf(op('Where', unread, masking, x), op('Where', unread, x, masking), op('Add', x, masking)));

/** A constant of such values and zeros; or what is computed from one (a condition, a factor of -10000), from shapes alone, or moved from there. */
function isMask(value: Value): boolean {
  const { initializer, producer } = value;
  if (initializer !== null) return holdsMask(initializer);
  if (producer === null) return false;
  const moved = movedInput(producer);
  if (moved !== null) return isMask(moved);
  return followsFromShapes(value) || (producer.domain === '' && (producer.opType === 'Mul' || producer.opType === 'Where') && producer.inputs.some(input => input?.initializer != null && holdsMask(input.initializer)));
}

function holdsMask(initializer: Initializer): boolean {
  if (initializer.dtype !== 'float32' || elementCount(initializer.dims) === 0) return false;
  const values = initializer.read().data as Float32Array;
  return values.every(value => value <= LEFT_OUT || value === 0) && values.some(value => value <= LEFT_OUT);
}

/** As PyTorch exports it: groups become channels of an InstanceNormalization without effects of its own, and are parted again. */
const groupNormalization = scaledAndShifted(op('Reshape', op('InstanceNormalization', op('Reshape', x, unread), constant(), constant()), unread));

const computed = (name: string): Pattern => where(anything(name), ({ initializer }) => initializer === null);
/** A constant of one element, or what stands for one: the width of a head, computed from a shape. */
const anyScalar: Pattern = (value, match) => (scalarOf(value) !== null || followsFromShapes(value) ? [match] : []);
/** A constant of more dimensions than the other operand would give the product a shape of its own. */
const isScaling = ({ producer }: Value): boolean => {
  const [a, b] = producer!.inputs as [Value, Value];
  const [factor, other] = a.initializer !== null ? [a, b] : [b, a];
  return factor.initializer === null || keepsRank(factor, other);
};
const scaled = (pattern: Pattern): Pattern => where(oneOf(op('Mul', pattern, anyScalar), op('Div', pattern, anyScalar)), isScaling);
const [query, key] = [computed('query'), computed('key')];
/** A product of two activations with a constant factor, which may stand at either of them, at both, or at the product. */
const attentionScaling = [
  op('MatMul', scaled(query), scaled(key)), op('MatMul', scaled(query), key), op('MatMul', query, scaled(key)), scaled(op('MatMul', query, key)),
];

const matMulAdd = op('Add', op('MatMul', x, constant()), constant(1));

/**
 * The composite operators that are known, in the order in which they are looked for: one that contains another comes first.
 * No quantizer is placed inside one, and its constants have none, but for the weight and the int32 bias of a MatMulAdd.
 */
export const COMPOSITES: readonly Composite[] = [
  { kind: 'LayerNormalization', patterns: layerNormalization, pass: 'LayerNormalization' },
  { kind: 'RMSNormalization', patterns: rmsNormalization, pass: 'RMSNormalization' },
  { kind: 'GroupNormalization', patterns: groupNormalization },
  { kind: 'Gelu', patterns: gelu },
  { kind: 'HardSwish', patterns: hardSwish },
  { kind: 'HardSigmoid', patterns: hardSigmoid },
  { kind: 'Swish', patterns: [swish] },
  { kind: 'Softmax', patterns: softmax },
  { kind: 'MaskedSoftmax', opType: 'Softmax', patterns: [maskedSoftmax] },
  { kind: 'AttentionScaling', opType: 'MatMul', patterns: attentionScaling },
  { kind: 'MatMulAdd', opType: 'MatMul', patterns: [matMulAdd], pass: 'MatmulAdd', onRequest: true },
];

/** Where a composite was found: its nodes in the order of the graph. */
export interface FoundComposite {
  readonly kind: string;
  readonly opType: string;
  readonly nodes: readonly Node[];
  readonly output: Value;
}

/** Find the composites of these kinds. No node is in two of them. */
export function findComposites(graph: Graph, composites: readonly Composite[]): FoundComposite[] {
  const taken = new Set<Node>();
  const position = new Map(graph.nodes.map((node, index) => [node, index]));
  return composites.flatMap(({ kind, opType = kind, patterns }) => patterns.flatMap(pattern => graph.nodes.flatMap(end => {
    const match = matchesAt(graph, end, pattern).find(({ nodes }) => !nodes.some(node => taken.has(node)) && reducesAlike(nodes));
    if (match === undefined) return [];
    match.nodes.forEach(node => taken.add(node));
    return [{ kind, opType, nodes: match.nodes.toSorted((a, b) => position.get(a)! - position.get(b)!), output: end.outputs[0]! }];
  })));
}

/** Whether the output of a node has the dimensions of its first input, as far as both are known. */
function keepsShape({ type, producer }: Value): boolean {
  const [before, after] = [producer!.inputs[0]!.type?.shape, type?.shape];
  return !before || !after || (before.length === after.length && before.every((dim, axis) => typeof dim !== 'number' || typeof after[axis] !== 'number' || dim === after[axis]));
}

function isPermuted(expected: (rank: number) => readonly number[]): (value: Value) => boolean {
  return ({ producer }) => {
    const permutation = intsOf(producer!, 'perm');
    return permutation !== null && String(permutation) === String(expected(permutation.length));
  };
}

function range(begin: number, end: number): number[] {
  return Array.from({ length: end - begin }, (_, i) => begin + i);
}

/** Whether all reductions among these nodes run over the same axes: a mean and a variance over different ones make no normalization. */
function reducesAlike(nodes: readonly Node[]): boolean {
  const reductions = nodes.filter(({ opType }) => opType.startsWith('Reduce') || opType === 'GlobalAveragePool');
  const rank = reductions.map(({ inputs: [x] }) => (x?.initializer?.dims ?? x?.type?.shape)?.length).find(rank => rank !== undefined) ?? 0;
  return new Set(reductions.map(node => String(axesOf(node, rank)))).size <= 1;
}

/** The axes that a reduction runs over, counted from the front where the rank is known (not 0); an attribute before opset 13 or 18, an input since. */
function axesOf(node: Node, rank: number): readonly number[] {
  if (node.opType === 'GlobalAveragePool') return range(2, Math.max(2, rank));
  const given = node.inputs[1]?.initializer;
  const axes = given ? Array.from(given.read().data as ArrayLike<number | bigint>, Number) : intsOf(node, 'axes') ?? [];
  return axes.map(axis => axis < 0 ? axis + rank : axis).sort((a, b) => a - b);
}
