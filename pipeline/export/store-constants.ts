import { check } from '../base/check.ts';
import type { Tensor } from '../base/tensor.ts';
import type { BiasQuantizer, EncodingTable, Quantizer } from '../config/placement.ts';
import { intAttribute } from '../graph/attribute.ts';
import { addInitializer, addValue, insertBefore, replaceUses, setInput } from '../graph/edit.ts';
import type { Graph } from '../graph/graph.ts';
import type { Use, Value } from '../graph/node.ts';
import { quantizeBias, type QuantizedBias } from '../quant/bias.ts';
import { type Granularity, splitOf } from '../quant/granularity.ts';
import { type Storage, toStored } from '../quant/stored.ts';
import { encodingsOf, firstReader, integers, quantizationParameters } from './insert-quantizer.ts';

/** The float32 content of a constant. */
export function constantOf(graph: Graph, name: string): { value: Value; dims: readonly number[]; values: Float32Array } {
  const value = graph.values.get(name);
  check(value?.initializer, `'${name}' is an initializer`);
  const { dims, data }: Tensor = value.initializer.read();
  check(data instanceof Float32Array, `'${name}' is float32`);
  return { value, dims, values: data };
}

/** Replace a constant by integers and a DequantizeLinear, which all its readers share. */
export function storeConstant(graph: Graph, { tensor, granularity }: Quantizer, encodings: EncodingTable, storage: Storage): void {
  const { value, dims, values } = constantOf(graph, tensor);
  if (value.uses.length === 0) return;
  const fitted = encodingsOf(encodings, tensor);
  const stored = toStored(values, splitOf(dims, granularity), fitted, storage);
  const axis = axisOf(granularity, dims.length);
  const quantized = addInitializer(graph, `${tensor}_quantized`, integers(stored, dims, storage.dtype));
  const parameters = quantizationParameters(graph, tensor, fitted, storage, axis);
  dequantize(graph, value, [quantized, ...parameters], axis, value.uses.filter(({ index }) => index >= 0));
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
  const axis = isPerChannel ? dims.length - 1 : null;
  dequantize(graph, value, [
    addInitializer(graph, `${bias.tensor}_quantized`, integers(codes, dims, 'int32')),
    addInitializer(graph, `${bias.tensor}_scale`, { dtype: 'float32', dims: isPerChannel ? [perElement.length] : [], data: perElement }),
  ], axis, [use]);
}

/** A bias as int32 codes, and where it is read; null where nothing reads it, or its length does not follow from the weight's channels. */
export function quantizedBias(graph: Graph, { tensor, input, weight, node }: BiasQuantizer, encodings: EncodingTable):
  (QuantizedBias & { value: Value; use: Use; dims: readonly number[] }) | null {
  const { value, dims, values } = constantOf(graph, tensor);
  const use = value.uses.find(({ node: reader }) => reader.name === node || reader.label === node);
  const weights = encodingsOf(encodings, weight);
  if (use === undefined || !hasBiasShape(dims, weights.length)) return null;
  return { value, use, dims, ...quantizeBias(values, encodingsOf(encodings, input)[0]!, weights) };
}

/** Whether a bias has one element per output channel, on its last dimension, of which the weight has `channels` (per group). */
function hasBiasShape(dims: readonly number[], channels: number): boolean {
  const last = dims.at(-1) ?? 1;
  return last % channels === 0 && dims.slice(0, -1).every(dim => dim === 1);
}

function dequantize(graph: Graph, constant: Value, inputs: Value[], axis: number | null, uses: readonly Use[]): void {
  const dequantized = addValue(graph, `${constant.name}_dequantized`);
  dequantized.type = { dtype: 'float32', shape: constant.initializer!.dims };
  const first = uses.length === 1 ? uses[0]!.node : firstReader(graph, constant);
  for (const { node, index } of uses) setInput(node, index, dequantized);
  const attributes = axis === null ? {} : { axis: intAttribute(axis) };
  insertBefore(graph, first, { opType: 'DequantizeLinear', name: `${constant.name}_DequantizeLinear`, attributes, inputs, outputs: [dequantized] });
}

function axisOf(granularity: Granularity, rank: number): number | null {
  if (granularity.kind === 'tensor') return null;
  return granularity.axis < 0 ? granularity.axis + rank : granularity.axis;
}
