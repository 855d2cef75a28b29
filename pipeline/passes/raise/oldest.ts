import { type Attribute, exactIntsOf, floatAttribute, floatOf, intAttribute, intOf, intsAttribute, stringOf } from '../../graph/attribute.ts';
import { addInitializer, addValue, insertBefore, setInput } from '../../graph/edit.ts';
import type { Graph } from '../../graph/graph.ts';
import type { Node } from '../../graph/node.ts';
import { type FormChange, int64s, refuse, setConstant } from './form-change.ts';

/** Operators that could overwrite an input; which ones was an attribute. */
const overwriting = `
  Abs Add BatchNormalization Ceil Clip Div Dropout Elu Exp Floor HardSigmoid InstanceNormalization LeakyRelu Log Max Mean Min Mul Neg PRelu
  Reciprocal Relu Selu Sigmoid Sqrt Sub Sum Tanh`.trim().split(/\s+/);

/** Operators that broadcast their second input where an attribute said so, along `axis`. */
const broadcasting = ['Add', 'And', 'Div', 'Equal', 'Greater', 'Less', 'Mul', 'Or', 'Pow', 'Sub', 'Xor'];

/** The changes up to version 7: models of 2017 and 2018. */
export const oldestChanges: readonly FormChange[] = [
  /** The sizes were an input, then an attribute until 13; the axis had no default. */
  { opType: 'Split', since: 2, rewrite(graph, node) {
    const sizes = node.inputs[1];
    if (!sizes) return node;
    if (sizes.initializer === null) return refuse(node, 2, 'its sizes are not constant');
    node.attributes.set('split', intsAttribute(Array.from(sizes.initializer.read().data as Float32Array, Number)));
    setInput(node, 1, null);
    return node;
  } },
  { opType: 'Pad', since: 2, rewrite: renamed('paddings', 'pads') },
  ...['LpPool', 'GlobalLpPool'].map((opType): FormChange => ({ opType, since: 2, rewrite(_, node) {
    if (node.attributes.has('p')) node.attributes.set('p', intAttribute(floatOf(node, 'p', 2)));
    return node;
  } })),
  { opType: 'Concat', since: 4, rewrite: withAttribute('axis', intAttribute(1)) },
  { opType: 'Reshape', since: 5, rewrite(graph, node) {
    const shape = exactIntsOf(node, 'shape');
    if (shape === null) return refuse(node, 5, `it has no list 'shape'`);
    node.attributes.delete('consumed_inputs');
    setConstant(graph, node, 1, 'shape', int64s(shape));
    return node;
  } },
  { opType: 'Cast', since: 6, rewrite(_, node) {
    const to = stringOf(node, 'to', '');
    if (!Object.hasOwn(typeCodes, to)) return refuse(node, 6, `its element type '${to}' is not known`);
    node.attributes.set('to', intAttribute(typeCodes[to]!));
    return node;
  } },
  { opType: 'Tile', since: 6, rewrite: (_, node) => refuse(node, 6, 'its axis and count have to become a count for every axis') },
  ...overwriting.map((opType): FormChange => ({ opType, since: 6, rewrite(graph, node) {
    node.attributes.delete('consumed_inputs');
    return opType === 'Selu' ? oldSelu(graph, node) : node;
  } })),
  ...broadcasting.map((opType): FormChange => ({ opType, since: 7, rewrite: alignSecond })),
  { opType: 'Gemm', since: 7, rewrite: without('broadcast') },
  ...['RNN', 'GRU', 'LSTM'].map((opType): FormChange => ({ opType, since: 7, rewrite: without('output_sequence') })),
  { opType: 'Dropout', since: 7, rewrite: without('is_test') },
  { opType: 'BatchNormalization', since: 7, rewrite(_, node) {
    if (intOf(node, 'is_test', 0) === 0) refuse(node, 7, 'it normalizes by the statistics of each batch (is_test = 0), as in training');
    node.attributes.delete('is_test');
    return node;
  } },
  /** A slope per channel stood for itself; since it is broadcast as all else. */
  { opType: 'PRelu', since: 7, rewrite(graph, node) {
    const shape = node.inputs[1]?.type?.shape;
    return shape?.length === 1 && shape[0] !== 1 ? withAxesBehind(graph, node, () => 2) : node;
  } },
  { opType: 'Upsample', since: 7, rewrite(_, node) {
    node.attributes.set('scales', { kind: 'floats', value: [1, 1, floatOf(node, 'height_scale', 1), floatOf(node, 'width_scale', 1)] });
    for (const name of ['height_scale', 'width_scale']) node.attributes.delete(name);
    return node;
  } },
];

type Rewrite = FormChange['rewrite'];

function without(name: string): Rewrite {
  return (_, node) => {
    node.attributes.delete(name);
    return node;
  };
}

function renamed(from: string, to: string): Rewrite {
  return (_, node) => {
    const attribute = node.attributes.get(from);
    if (attribute !== undefined) node.attributes.set(to, attribute);
    node.attributes.delete(from);
    return node;
  };
}

/** Say what was understood where the attribute is absent. */
function withAttribute(name: string, attribute: Attribute): Rewrite {
  return (_, node) => {
    if (!node.attributes.has(name)) node.attributes.set(name, attribute);
    return node;
  };
}

/** The defaults had fewer digits. */
const oldSelu: Rewrite = (graph, node) => withAttribute('gamma', floatAttribute(1.0507))(graph, withAttribute('alpha', floatAttribute(1.6732))(graph, node));

/** `broadcast = 1` laid the axes of the second input on those of the first from `axis` on; without an `axis`, and since, on the last ones. */
function alignSecond(graph: Graph, node: Node): Node {
  const [isBroadcast, axis] = [intOf(node, 'broadcast', 0) === 1, node.attributes.has('axis') ? intOf(node, 'axis', 0) : null];
  for (const name of ['axis', 'broadcast']) node.attributes.delete(name);
  return isBroadcast && axis !== null ? withAxesBehind(graph, node, (a, b) => (axis < 0 ? axis + a : axis) + b) : node;
}

/** Give the second input axes of length 1 behind its own, so that its own end where `endOf(rank of the first, rank of the second)` says. */
function withAxesBehind(graph: Graph, node: Node, endOf: (first: number, second: number) => number): Node {
  const [first, second] = node.inputs.map(value => value?.type?.shape?.length);
  if (first === undefined || second === undefined) return refuse(node, 7, 'it broadcasts along an axis, and the ranks of what it reads are not known');
  const count = first - endOf(first, second);
  if (count <= 0) return node;
  const [old, output] = [node.inputs[1]!, node.outputs[0]!];
  const aligned = addValue(graph, `${old.name}_aligned`);
  const axes = addInitializer(graph, `${output.name}_axes`, int64s(Array.from({ length: count }, (_, i) => second + i)));
  insertBefore(graph, node, { opType: 'Unsqueeze', inputs: [old, axes], outputs: [aligned] });
  setInput(node, 1, aligned);
  return node;
}

/** TensorProto.DataType by the names that Cast had for them. */
const typeCodes: Readonly<Record<string, number>> = {
  FLOAT: 1, UINT8: 2, INT8: 3, UINT16: 4, INT16: 5, INT32: 6, INT64: 7, STRING: 8, BOOL: 9, FLOAT16: 10, DOUBLE: 11, UINT32: 12, UINT64: 13,
};
