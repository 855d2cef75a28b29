import { check } from '../base/check.ts';
import { bfloat16FromFloats, floatsFromBfloat16, floatsFromHalves, halvesFromFloats } from '../base/half.ts';
import { float32Tensor, type Tensor } from '../base/tensor.ts';
import type { BiasQuantizer, EncodingTable, FloatQuantizer, Quantizer } from '../config/placement.ts';
import { intAttribute } from '../graph/attribute.ts';
import { addInitializer, addValue, insertBefore, type NodeSpec, replaceUses, setInput } from '../graph/edit.ts';
import type { Graph } from '../graph/graph.ts';
import { initializerOf, type Use, type Value } from '../graph/node.ts';
import { quantizeBias, type QuantizedBias } from '../quant/bias.ts';
import type { Encoding } from '../quant/encoding.ts';
import { axisIn, channelCount, forEachRun, type Granularity, splitOf } from '../quant/granularity.ts';
import { fakeQuantized, type Storage, toStored } from '../quant/stored.ts';
import { castSpec, encodingsOf, firstReader, integers, quantizationParameters } from './insert-quantizer.ts';

/** The float32 content of a constant. */
function constantOf(graph: Graph, name: string): { value: Value; dims: readonly number[]; values: Float32Array } {
  const value = graph.values.get(name);
  check(value?.initializer, `'${name}' is an initializer`);
  const { dims, data }: Tensor = value.initializer.read();
  check(data instanceof Float32Array, `'${name}' is float32`);
  return { value, dims, values: data };
}

/** Replace a constant by integers and a DequantizeLinear, which all its readers share. */
export function storeConstant(graph: Graph, { tensor, granularity }: Quantizer, encodings: EncodingTable, storage: Storage): void {
  const { value, dims } = constantOf(graph, tensor);
  if (value.uses.length === 0) return;
  const fitted = encodingsOf(encodings, tensor);
  const { initializer } = value;
  const store = () => integers(toStored(initializer!.read().data as Float32Array, splitOf(dims, granularity), fitted, storage), dims, storage.dtype);
  const quantized = addInitializer(graph, `${tensor}_quantized`, { dtype: storage.dtype, dims, read: store }); // when it is written: a large model's weights are not held together
  const { shape, attributes, listed } = parametersOf(dims, granularity, fitted);
  const parameters = quantizationParameters(graph, tensor, listed, storage, shape);
  dequantize(graph, value, { inputs: [quantized, ...parameters], attributes }, value.uses.filter(({ index }) => index >= 0));
}

/**
 * How DequantizeLinear is told the encodings of a constant: one, one per channel, or for blocks a tensor of the constant's shape with the
 * blocks in place of what they divide. That has a scale for every element across the other dimensions too, such as those of a kernel.
 */
function parametersOf(dims: readonly number[], granularity: Granularity, fitted: readonly Encoding[]) {
  if (granularity.kind === 'tensor') return { shape: [], attributes: {}, listed: fitted };
  const axis = axisIn(dims, granularity.axis);
  if (granularity.kind === 'channel') return { shape: [fitted.length], attributes: { axis: intAttribute(axis) }, listed: fitted };
  const { blockSize } = granularity;
  const shape = dims.map((dim, at) => at === axis ? dim / blockSize : dim);
  const listed: Encoding[] = [];
  forEachRun(splitOf(shape, { ...granularity, blockSize: 1 }), (number, start, end) => {
    for (let i = start; i < end; i++) listed.push(fitted[number]!);
  });
  return { shape, attributes: { axis: intAttribute(axis), block_size: intAttribute(blockSize) }, listed };
}

/** Round a constant to its grid, in float. */
export function roundConstant(graph: Graph, { tensor, granularity }: Quantizer, encodings: EncodingTable): void {
  const { value, dims, values } = constantOf(graph, tensor);
  replaceContent(graph, value, float32Tensor(dims, fakeQuantized(values, splitOf(dims, granularity), encodingsOf(encodings, tensor))));
}

/** Give a constant other content for the nodes that read it; a subgraph that reads it too stays in float, and so does a graph output that it is. */
function replaceContent(graph: Graph, value: Value, content: Tensor): void {
  if (value.uses.every(({ index }) => index >= 0) && !graph.outputs.includes(value)) value.initializer = initializerOf(content);
  else replaceUses(value, addInitializer(graph, `${value.name}_rounded`, content));
}

/** How constants of each 16-bit floating-point format are written and read. */
const halves = {
  float16: { narrow: halvesFromFloats, widen: floatsFromHalves },
  bfloat16: { narrow: bfloat16FromFloats, widen: floatsFromBfloat16 },
} as const;

/** Round a constant to a 16-bit floating-point format, in float32. */
export function roundFloatConstant(graph: Graph, { tensor, format }: FloatQuantizer): void {
  const { value, dims, values } = constantOf(graph, tensor);
  replaceContent(graph, value, float32Tensor(dims, halves[format].widen(halves[format].narrow(values))));
}

/** Replace a constant by one of a 16-bit floating-point format and a Cast, which all its readers share. */
export function storeFloatConstant(graph: Graph, { tensor, format }: FloatQuantizer): void {
  const { value, dims, values } = constantOf(graph, tensor);
  if (value.uses.length === 0) return;
  const narrow = addInitializer(graph, `${tensor}_${format}`, { dtype: format, dims, data: halves[format].narrow(values) });
  restore(graph, value, value.uses.filter(({ index }) => index >= 0), widened => castSpec(`${tensor}_Widen`, narrow, widened, 'float32'));
}

/**
 * Replace a bias by int32 codes and a DequantizeLinear with two inputs (there is no zero point, and WebGPU's operator
 * refuses one). Each node gets its own, because the step depends on the node's input and weight.
 */
export function storeBias(graph: Graph, bias: BiasQuantizer, encodings: EncodingTable): void {
  const quantized = quantizedBias(graph, bias, encodings);
  if (quantized === null) return;
  const { value, use, dims, codes, scales } = quantized;
  const isPerChannel = scales.length > 1;
  const perElement = isPerChannel ? Float32Array.from(codes, (_, i) => scales[i % scales.length]!) : scales;
  const inputs = [
    addInitializer(graph, `${bias.tensor}_quantized`, integers(codes, dims, 'int32')),
    addInitializer(graph, `${bias.tensor}_scale`, { dtype: 'float32', dims: isPerChannel ? [perElement.length] : [], data: perElement }),
  ];
  dequantize(graph, value, { inputs, attributes: isPerChannel ? { axis: intAttribute(dims.length - 1) } : {} }, [use]);
}

/** A bias as int32 codes, and where it is read; null where nothing reads it, or its length does not follow from the weight's channels. */
export function quantizedBias(graph: Graph, { tensor, input, weight, granularity, node }: BiasQuantizer, encodings: EncodingTable):
  (QuantizedBias & { value: Value; use: Use; dims: readonly number[] }) | null {
  const { value, dims, values } = constantOf(graph, tensor);
  const use = value.uses.find(({ node: reader }) => reader.name === node || reader.label === node);
  const weightDims = graph.values.get(weight)!.initializer!.dims;
  if (use === undefined || !hasBiasShape(dims, channelCount(weightDims, granularity))) return null;
  const divided = { tensor: weight, dims: weightDims, granularity, encodings: encodingsOf(encodings, weight) };
  return { value, use, dims, ...quantizeBias(values, encodingsOf(encodings, input)[0]!, divided) };
}

/** Whether a bias has one element per output channel, on its last dimension, of which the weight has `channels` (per group). */
function hasBiasShape(dims: readonly number[], channels: number): boolean {
  const last = dims.at(-1) ?? 1;
  return last % channels === 0 && dims.slice(0, -1).every(dim => dim === 1);
}

function dequantize(graph: Graph, constant: Value, { inputs, attributes }: Pick<NodeSpec, 'inputs' | 'attributes'>, uses: readonly Use[]): void {
  restore(graph, constant, uses, dequantized =>
    ({ opType: 'DequantizeLinear', name: `${constant.name}_DequantizeLinear`, attributes: attributes ?? {}, inputs, outputs: [dequantized] }));
}

/** Let `uses` of a constant read what a node computes instead, which stands before the first of them. */
function restore(graph: Graph, constant: Value, uses: readonly Use[], nodeOf: (restored: Value) => NodeSpec): void {
  const restored = addValue(graph, `${constant.name}_dequantized`);
  restored.type = { dtype: 'float32', shape: constant.initializer!.dims };
  const first = uses.length === 1 ? uses[0]!.node : firstReader(graph, constant);
  for (const { node, index } of uses) setInput(node, index, restored);
  insertBefore(graph, first, nodeOf(restored));
}
