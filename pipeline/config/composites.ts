import { floatOf } from '../graph/attribute.ts';
import type { Graph } from '../graph/graph.ts';
import { anything, constant, isNear, matchesAt, oneOf, op, type Pattern, product, scalar, scalarOf, where } from '../graph/match.ts';
import type { Node, Value } from '../graph/node.ts';

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

/** value / sqrt(mean(squared^2) + epsilon) */
const overRootMeanSquare = (value: Pattern, squared: Pattern): Pattern => {
  const root = op('Sqrt', op('Add', op('ReduceMean', square(squared)), constant()));
  return oneOf(op('Div', value, root), op('Mul', value, op('Reciprocal', root)), op('Mul', value, op('Div', scalar(1), root)));
};

/** A normalized value with weight and bias, with one of them, or with neither. */
const scaledAndShifted = (normalized: Pattern): Pattern[] => {
  const scaled = op('Mul', normalized, constant());
  return [op('Add', scaled, constant()), op('Add', normalized, constant()), scaled, normalized];
};

const centred = op('Sub', x, op('ReduceMean', x));
const layerNormalization = scaledAndShifted(overRootMeanSquare(centred, centred));
const rmsNormalization = scaledAndShifted(overRootMeanSquare(x, x)).slice(2);

const onePlusErf = op('Add', op('Erf', product(x, Math.SQRT1_2)), scalar(1));
const ROOT_2_OVER_PI = Math.sqrt(2 / Math.PI);
const tanhArgument = oneOf(
  product(op('Add', x, product(cube(x), 0.044715)), ROOT_2_OVER_PI),
  product(x, op('Add', product(x, x, 0.044715), scalar(1)), ROOT_2_OVER_PI),
);
const onePlusTanh = op('Add', op('Tanh', tanhArgument), scalar(1));
const gelu = [product(x, onePlusErf, 0.5), product(x, onePlusTanh, 0.5)];

const sixth = 1 / 6;
const relu6OfShifted = clipped(op('Add', x, scalar(3)), 0, 6);
const hardSigmoid = [product(relu6OfShifted, sixth), clipped(op('Add', product(x, sixth), scalar(0.5)), 0, 1)];
const hardSigmoidOperator = where(op('HardSigmoid', x), ({ producer }) => isNear(floatOf(producer!, 'alpha', 0.2), sixth));
const hardSwish = [product(x, relu6OfShifted, sixth), op('Mul', x, oneOf(...hardSigmoid, hardSigmoidOperator))];

const swish = op('Mul', x, op('Sigmoid', oneOf(x, op('Mul', x, where(constant(), value => scalarOf(value) !== null)))));

const exponential = op('Exp', oneOf(op('Sub', x, op('ReduceMax', x)), x));
const softmax = op('Div', exponential, op('ReduceSum', exponential));

/** As PyTorch exports it: groups become channels of an InstanceNormalization without effects of its own, and are parted again. */
const groupNormalization = scaledAndShifted(op('Reshape', op('InstanceNormalization', op('Reshape', x, unread), constant(), constant()), unread));

const computed = (name: string): Pattern => where(anything(name), ({ initializer }) => initializer === null);
const anyScalar = where(constant(), value => scalarOf(value) !== null);
const scaled = (pattern: Pattern): Pattern => oneOf(op('Mul', pattern, anyScalar), op('Div', pattern, anyScalar));
const [query, key] = [computed('query'), computed('key')];
/** A product of two activations with a constant factor, which may stand at either of them, at both, or at the product. */
const attentionScaling = [
  op('MatMul', scaled(query), scaled(key)), op('MatMul', scaled(query), key), op('MatMul', query, scaled(key)), scaled(op('MatMul', query, key)),
];

const matMulAdd = op('Add', op('MatMul', x, constant()), constant(1));

/**
 * The composite operators that are known, in the order in which they are looked for: one that contains another comes first.
 * No quantizer is placed inside one, and its constants have none.
 */
export const COMPOSITES: readonly Composite[] = [
  { kind: 'LayerNormalization', patterns: layerNormalization, pass: 'LayerNormalization' },
  { kind: 'RMSNormalization', patterns: rmsNormalization, pass: 'RMSNormalization' },
  { kind: 'GroupNormalization', patterns: groupNormalization },
  { kind: 'Gelu', patterns: gelu },
  { kind: 'HardSwish', patterns: hardSwish },
  { kind: 'HardSigmoid', patterns: hardSigmoid },
  { kind: 'Swish', patterns: [swish] },
  { kind: 'Softmax', patterns: [softmax] },
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
    const match = matchesAt(graph, end, pattern).find(({ nodes }) => !nodes.some(node => taken.has(node)));
    if (match === undefined) return [];
    match.nodes.forEach(node => taken.add(node));
    return [{ kind, opType, nodes: match.nodes.toSorted((a, b) => position.get(a)! - position.get(b)!), output: end.outputs[0]! }];
  })));
}
