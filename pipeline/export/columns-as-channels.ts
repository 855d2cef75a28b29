import type { Tensor } from '../base/tensor.ts';
import { intAttribute, intOf, intsAttribute, intsOf, stringOf } from '../graph/attribute.ts';
import { addInitializer, addValue, insertBefore, removeNode, setInput } from '../graph/edit.ts';
import type { Graph } from '../graph/graph.ts';
import type { Initializer, Node, Value } from '../graph/node.ts';
import { isRequantized } from './shield-weights.ts';

/** Input channels that ONNX Runtime's integer convolution on x64 takes at a time. */
const CHANNELS_AT_A_TIME = 4;
/** It is not used for fewer output channels. */
const LEAST_OUTPUTS = 16;
/** Where the last slice ends: nowhere. */
const NO_END = 2n ** 63n - 1n;

/**
 * Make the columns of a kernel its input channels, where an image of one channel (a grey one, a spectrogram) meets int8 weights:
 *
 *   codes → DequantizeLinear → Conv [M, 1, h, w]
 *   codes → Pad → Slice of w shifts by one column → Concat → DequantizeLinear → Conv [M, w, h, 1]
 *
 * The same products and sums of the same integers. ONNX Runtime's fast kernel on x64 takes four input channels at a time, and for a single one
 * the engine collects every code by itself: that takes nearly half the time of fmnist-cnn. Channels up to a multiple of four have weights of zero.
 *
 * Left alone: strides and dilations along columns, activations that are not uint8, weights that are not int8 around zero, and results that are not
 * quantized again, which have no integer kernel.
 */
export function columnsAsChannels(graph: Graph): { rewrites: number } {
  const convolutions = graph.nodes.filter(node => isOfOneChannel(node) && isInteger(node));
  for (const node of convolutions) {
    const [, , height, width] = codesOf(node).dims as [number, number, number, number];
    const [top, left, bottom, right] = intsOf(node, 'pads') ?? [0, 0, 0, 0] as const;
    const channels = CHANNELS_AT_A_TIME * Math.ceil(width / CHANNELS_AT_A_TIME);
    spreadWeight(graph, node, channels);
    spreadImage(graph, node, { width, channels, left: left!, right: right! });
    node.attributes.set('kernel_shape', intsAttribute([height, 1])).set('pads', intsAttribute([top!, 0, bottom!, 0]));
  }
  return { rewrites: convolutions.length };
}

/** The stored kernel of a convolution. */
const codesOf = (node: Node): Initializer => node.inputs[1]!.producer!.inputs[0]!.initializer!;

/** Whether it is a convolution of images of one channel, from column to column. */
function isOfOneChannel(node: Node): boolean {
  const dims = node.inputs[1]?.producer?.inputs[0]?.initializer?.dims;
  if (node.domain !== '' || node.opType !== 'Conv' || dims?.length !== 4 || dims[0]! < LEAST_OUTPUTS || dims[1] !== 1 || dims[3]! < 2) return false;
  return intOf(node, 'group', 1) === 1 && (intsOf(node, 'strides')?.[1] ?? 1) === 1 && (intsOf(node, 'dilations')?.[1] ?? 1) === 1 && stringOf(node, 'auto_pad', 'NOTSET') === 'NOTSET';
}

/** Whether the engine makes a convolution of uint8 by int8 of it, whose weight nothing else reads. */
function isInteger({ inputs: [image, weight], outputs: [result] }: Node): boolean {
  const activation = storedAs(image), kernel = storedAs(weight);
  return activation?.dtype === 'uint8' && kernel?.dtype === 'int8' && isZero(kernel) && intOf(weight!.producer!, 'block_size', 0) === 0
    && weight!.uses.length === 1 && weight!.producer!.inputs[0]!.uses.length === 1 && isRequantized(result!);
}

/** The constant zero point of a dequantized value. */
function storedAs(value: Value | null | undefined): Initializer | null {
  return value?.producer?.opType === 'DequantizeLinear' ? value.producer.inputs[2]?.initializer ?? null : null;
}

const isZero = (zeroPoint: Initializer): boolean => (zeroPoint.read().data as Int8Array).every(code => code === 0);

/** [M, 1, h, w] → [M, channels, h, 1] */
function spreadWeight(graph: Graph, node: Node, channels: number): void {
  const restored = node.inputs[1]!, content = codesOf(node);
  const [outputs, , height, width] = content.dims as [number, number, number, number], dims = [outputs, channels, height, 1];
  const read = (): Tensor => {
    const from = content.read().data as Int8Array, to = new Int8Array(outputs * channels * height);
    from.forEach((code, i) => {
      const column = i % width, row = Math.floor(i / width) % height, output = Math.floor(i / width / height);
      to[(output * channels + column) * height + row] = code;
    });
    return { dtype: 'int8', dims, data: to };
  };
  setInput(restored.producer!, 0, addInitializer(graph, `${restored.producer!.inputs[0]!.name}_columns`, { dtype: 'int8', dims, read }));
  restored.type = { dtype: 'float32', shape: dims };
}

/** Codes of one channel become `channels` of them, each a column further than the one before; the last one is repeated where the kernel has no more. */
function spreadImage(graph: Graph, node: Node, { width, channels, left, right }: Readonly<Record<'width' | 'channels' | 'left' | 'right', number>>): void {
  const dequantize = node.inputs[0]!.producer!, [codes, scale, zeroPoint] = dequantize.inputs as [Value, Value, Value];
  const insert = (opType: string, name: string, inputs: readonly Value[], attributes = {}): Value => {
    const result = addValue(graph, `${codes.name}_${name}`);
    insertBefore(graph, node, { opType, name: result.name, inputs, outputs: [result], attributes });
    return result;
  };
  const integers = (name: string, ...values: (number | bigint)[]) => addInitializer(graph, `${codes.name}_${name}`, { dtype: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) });
  const padded = left + right === 0 ? codes : insert('Pad', 'padded', [codes, integers('pads', 0, 0, 0, left, 0, 0, 0, right), zeroPoint]);
  const axis = integers('axis', 3);
  const columns = Array.from({ length: width }, (_, k) =>
    insert('Slice', `column_${k}`, [padded, integers(`start_${k}`, k), integers(`end_${k}`, k === width - 1 ? NO_END : k + 1 - width), axis]));
  const spread = insert('Concat', 'columns', Array.from({ length: channels }, (_, k) => columns[Math.min(k, width - 1)]!), { axis: intAttribute(1) });
  setInput(node, 0, insert('DequantizeLinear', 'columns_dequantized', [spread, scale, zeroPoint]));
  const old = dequantize.outputs[0]!;
  if (old.uses.length === 0 && !graph.outputs.includes(old)) removeNode(graph, dequantize);
}
