import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../../pipeline/graph/attribute.ts';
import type { Tensor } from '../../pipeline/base/tensor.ts';
import { type ModelSketch, type NodeLine, weight } from './graphs.ts';
import { uniform } from './random.ts';

/** Channels, and the side of the images, of every tensor between the layers of a random model. */
const [CHANNELS, SIDE] = [4, 6];
const MOST_LAYERS = 8;

/** What a layer is made with. */
interface Maker {
  /** Append a node; its output. */
  readonly add: (op: string, inputs: readonly string[], attributes?: NodeLine['attributes']) => string;
  /** A weight, seeded by the model's own seed. */
  readonly weight: (dims: readonly number[], range?: { min: number; max: number }) => string;
  readonly constant: (content: Tensor) => string;
  /** A value that was computed before. */
  readonly other: () => string;
}

const scalar = (value: number): Tensor => ({ dtype: 'float32', dims: [], data: Float32Array.of(value) });
const int64 = (...values: number[]): Tensor => ({ dtype: 'int64', dims: [values.length], data: BigInt64Array.from(values.map(BigInt)) });
const ints = (...values: number[]) => intsAttribute(values);
const padded = { pads: ints(1, 1, 1, 1) };
const pooled = { kernel_shape: ints(3, 3), ...padded };
const positive = { min: 0.5, max: 1 };

/** Layers that keep the shape, each from a value to a value. */
const layers: readonly ((x: string, maker: Maker) => string)[] = [
  (x, { add, weight }) => add('Conv', [x, weight([CHANNELS, CHANNELS, 3, 3])], padded),
  (x, { add, weight }) => add('Conv', [x, weight([CHANNELS, CHANNELS, 1, 1])]),
  (x, { add, weight }) => add('Conv', [x, weight([CHANNELS, CHANNELS, 3, 3]), weight([CHANNELS])], padded),
  (x, { add, weight }) => add('Conv', [x, weight([CHANNELS, 1, 3, 3]), weight([CHANNELS])], { ...padded, group: intAttribute(CHANNELS) }),
  (x, { add, weight }) => add('Conv', [x, weight([CHANNELS, 2, 3, 3])], { ...padded, group: intAttribute(2) }),
  (x, { add, weight }) => add('Conv', [add('Conv', [add('Conv', [x, weight([1, CHANNELS, 1, 1])]), weight([16, 1, 3, 3])], padded), weight([CHANNELS, 16, 1, 1])]),
  (x, { add, weight }) => add('ConvTranspose', [x, weight([CHANNELS, CHANNELS, 3, 3])], padded),
  (x, { add, weight }) => add('MatMul', [x, weight([SIDE, SIDE])]),
  (x, { add, weight }) => add('Transpose', [add('MatMul', [add('Transpose', [x], { perm: ints(0, 2, 3, 1) }), weight([CHANNELS, CHANNELS])])], { perm: ints(0, 3, 1, 2) }),
  (x, { add, weight, other }) => add('Conv', [add('Concat', [x, other()], { axis: intAttribute(1) }), weight([CHANNELS, 2 * CHANNELS, 1, 1])]),
  (x, { add, weight }) => add('Mul', [x, add('Sigmoid', [add('Conv', [add('GlobalAveragePool', [x]), weight([CHANNELS, CHANNELS, 1, 1])])])]),
  (x, { add, weight }) => add('BatchNormalization', [x, weight([CHANNELS]), weight([CHANNELS]), weight([CHANNELS]), weight([CHANNELS], positive)]),
  (x, { add, weight }) => add('LayerNormalization', [x, weight([SIDE], positive), weight([SIDE])]),
  ...['Relu', 'LeakyRelu', 'Sigmoid', 'Tanh', 'Neg', 'Elu', 'HardSwish', 'Identity'].map(op => (x: string, { add }: Maker) => add(op, [x])),
  (x, { add, constant }) => add('Clip', [x, constant(scalar(-0.5)), constant(scalar(0.7))]),
  (x, { add, constant }) => add('Clip', [add('Relu', [x]), '', constant(scalar(1))]),
  (x, { add, weight }) => add('PRelu', [x, weight([CHANNELS, 1, 1])]),
  (x, { add }) => add('Mul', [x, add('Sigmoid', [x])]),
  (x, { add, constant }) => add('Mul', [add('Mul', [x, add('Add', [add('Erf', [add('Div', [x, constant(scalar(Math.SQRT2))])]), constant(scalar(1))])]), constant(scalar(0.5))]),
  ...['Add', 'Sub', 'Mul', 'Max'].map(op => (x: string, { add, other }: Maker) => add(op, [x, other()])),
  (x, { add, weight }) => add('Add', [x, weight([CHANNELS, 1, 1])]),
  (x, { add, weight }) => add('Mul', [weight([CHANNELS, 1, 1]), x]),
  (x, { add, weight }) => add('Div', [x, weight([CHANNELS, 1, 1], positive)]),
  ...['MaxPool', 'AveragePool'].map(op => (x: string, { add }: Maker) => add(op, [x], pooled)),
  ...[1, 3].map(axis => (x: string, { add }: Maker) => add('Softmax', [x], { axis: intAttribute(axis) })),
  (x, { add, constant }) => add('MaxPool', [add('Resize', [x, '', constant({ dtype: 'float32', dims: [4], data: Float32Array.of(1, 1, 2, 2) })], { mode: stringAttribute('nearest') })], { kernel_shape: ints(2, 2), strides: ints(2, 2) }),
  (x, { add, constant }) => add('Slice', [add('Pad', [x, constant(int64(0, 0, 1, 1, 0, 0, 1, 1))]), constant(int64(1, 1)), constant(int64(SIDE + 1, SIDE + 1)), constant(int64(2, 3))]),
  (x, { add, constant }) => add('Reshape', [add('Reshape', [x, constant(int64(2, CHANNELS, SIDE * SIDE))]), constant(int64(2, CHANNELS, SIDE, SIDE))]),
  (x, { add }) => add('HardSigmoid', [x], { alpha: floatAttribute(1 / 6) }),
];

/** A model of a few layers one after another, some of which read an earlier value, and now and then a second output. */
export function randomModel(seed: number): ModelSketch {
  const next = uniform(seed);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(next() * items.length)]!;
  const nodes: NodeLine[] = [], weights: Record<string, Tensor> = {}, values = ['x'];
  const constant = (content: Tensor) => {
    const name = `w${Object.keys(weights).length}`;
    weights[name] = content;
    return name;
  };
  const maker: Maker = {
    constant, other: () => pick(values),
    add(op, inputs, attributes = {}) {
      const output = `t${nodes.length}`;
      nodes.push({ op, in: inputs, out: [output], attributes });
      return output;
    },
    weight: (dims, range = { min: -1, max: 1 }) => constant(weight(dims, { seed: Math.floor(next() * 1e6), ...range })),
  };
  for (let layer = 2 + Math.floor(next() * (MOST_LAYERS - 1)); layer > 0; layer--) values.push(pick(layers)(next() < 0.7 ? values.at(-1)! : pick(values), maker));
  const outputs = new Set([values.at(-1)!, ...(next() < 0.2 ? [pick(values.slice(1))] : [])]);
  return { opset: 17, inputs: { x: [2, CHANNELS, SIDE, SIDE] }, weights, nodes, outputs: Object.fromEntries([...outputs].map(name => [name, null])) };
}
