import { elementCount, float32Tensor, type Tensor } from '../../pipeline/base/tensor.ts';
import { openEngine } from '../../pipeline/engine/index.ts';
import { intOf } from '../../pipeline/graph/attribute.ts';
import type { Node } from '../../pipeline/graph/node.ts';
import { type ChannelLayout, type Codes, Kernels } from '../../pipeline/kernels/index.ts';
import { readModel } from '../../pipeline/onnx/read-model.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { buildModel } from '../support/graphs.ts';
import { difference, tensorDifference } from './compare.ts';
import type { TestModel } from './models.ts';
import { failed, type Outcome, passed, skipped } from './tally.ts';

const kernels = await Kernels.load();
const engine = await openEngine('native');

/** What a quantized operator's inputs are by our kernels, to be compared with what ONNX says. Null where they hold types that kernels have none for. */
type ByKernels = (node: Node, inputs: readonly Tensor[], outputs: readonly Tensor[]) => Promise<readonly Tensor[] | null>;

/** Each quantized operator of the standard, done by our kernels; the arithmetic in between by the engine, in float. */
const byKernels: Readonly<Record<string, ByKernels>> = {
  QuantizeLinear: async (node, [x, scale, zeroPoint]) => {
    const stored = quantized(x!, scale!, zeroPoint, intOf(node, 'axis', 1));
    return stored && [stored];
  },
  /** The codes of the reals are the codes that were given, and the reals are where the grid has them. */
  DequantizeLinear: async (node, [codes, scale, zeroPoint], [reals]) => {
    const axis = intOf(node, 'axis', 1);
    const again = quantized(reals!, scale!, zeroPoint ?? { ...codes!, dims: [], data: new Uint8Array(1) }, axis);
    if (again === null) return null;
    const why = tensorDifference(again, codes!, 0);
    if (why !== null) throw new Error(`the codes of its reals: ${why}`);
    return [gridded(reals!, scale!, zeroPoint!, axis)];
  },
  DynamicQuantizeLinear: async (_, [x]) => {
    const range = Float32Array.of(Infinity, -Infinity);
    kernels.minMax(x!.data as Float32Array, range);
    const [, , delta, offset] = kernels.fitEncoding(range[0]!, range[1]!, { bitwidth: 8, symmetry: 'asymmetric' });
    const [scale, zeroPoint] = [float32Tensor([], Float32Array.of(delta)), { dtype: 'uint8' as const, dims: [], data: Uint8Array.of(-offset) }];
    return [quantized(x!, scale, zeroPoint, 0)!, scale, zeroPoint];
  },
  QLinearMatMul: async (_, [a, aScale, aZero, b, bScale, bZero, yScale, yZero]) => {
    const stored = quantized(await floatResult('MatMul', {}, [dequantized(a!, aScale!, aZero!, 0), dequantized(b!, bScale!, bZero!, 0)]), yScale!, yZero, 0);
    return stored && [stored];
  },
  QLinearConv: async ({ attributes }, [x, xScale, xZero, w, wScale, wZero, yScale, yZero]) => {
    const stored = quantized(await floatResult('Conv', Object.fromEntries(attributes), [dequantized(x!, xScale!, xZero!, 0), dequantized(w!, wScale!, wZero!, 0)]), yScale!, yZero, 0);
    return stored && [stored];
  },
};

/** The check of a model that is one quantized node: by the engine, and by our kernels. Null for all other models. */
export async function quantizedNode({ bytes, inputs, outputs }: TestModel): Promise<Readonly<Record<string, () => Promise<Outcome>>> | null> {
  const { graph } = readModel(bytes);
  const [node] = graph.nodes;
  if (graph.nodes.length !== 1 || node === undefined || !Object.hasOwn(byKernels, node.opType)) return null;
  const narrow = async (): Promise<Outcome> => skipped('its element type is a float of 8 or 4 bits, or an integer of 2');
  if ([...inputs, ...outputs].includes('not a tensor')) return { 'quantized by the engine': narrow, 'quantized by kernels': narrow };
  const [given, expected] = [inputs as readonly Tensor[], outputs as readonly Tensor[]];
  return {
    'quantized by the engine': async () => {
      const session = await engine.load(bytes);
      const found = await session.run(Object.fromEntries(graph.inputs.map(({ name }, i) => [name, given[i]!])));
      await session.close();
      const why = difference(found, Object.fromEntries(graph.outputs.map(({ name }, i) => [name, expected[i]!])), FLOAT_ROUNDING);
      return why === null ? passed : failed(why);
    },
    'quantized by kernels': async () => {
      const found = await byKernels[node.opType]!(node, given, expected);
      if (found === null) return skipped('kernels quantize float32 only');
      const why = expected.map((tensor, i) => tensorDifference(found[i]!, tensor, FLOAT_ROUNDING)).find(why => why !== null);
      return why === undefined ? passed : failed(why);
    },
  };
}

/** A scale may differ in its last bits; codes may not differ. */
const FLOAT_ROUNDING = 2 ** -22;

const lowestCodes = { uint8: 0, int8: -128, uint16: 0, int16: -32768 } as const;

/** What our kernel stores for `x`. Without a zero point, codes are uint8 around 0. */
function quantized(x: Tensor, scale: Tensor, zeroPoint: Tensor | undefined, axis: number): Tensor | null {
  const dtype = (zeroPoint?.dtype ?? 'uint8') as keyof typeof lowestCodes;
  if (x.dtype !== 'float32' || !Object.hasOwn(lowestCodes, dtype)) return null;
  const values = x.data as Float32Array;
  const data: Codes = dtype === 'uint8' ? new Uint8Array(values.length) : dtype === 'int8' ? new Int8Array(values.length) : dtype === 'uint16' ? new Uint16Array(values.length) : new Int16Array(values.length);
  const layout = layoutOf(x.dims, scale, axis);
  kernels.quantizeChannels(values, data, layout, mapsOf(layout, scale, zeroPoint, dtype), lowestCodes[dtype]);
  return { dtype, dims: x.dims, data };
}

/** What our kernel makes of reals: each where the grid has it. */
function gridded(x: Tensor, scale: Tensor, zeroPoint: Tensor, axis: number): Tensor {
  const layout = layoutOf(x.dims, scale, axis);
  const out = new Float32Array(elementCount(x.dims));
  kernels.fakeQuantChannels(x.data as Float32Array, out, layout, mapsOf(layout, scale, zeroPoint, zeroPoint.dtype as keyof typeof lowestCodes));
  return float32Tensor(x.dims, out);
}

function layoutOf(dims: readonly number[], scale: Tensor, axis: number): ChannelLayout {
  const count = elementCount(dims);
  if (elementCount(scale.dims) === 1) return { outer: 1, channels: 1, inner: count };
  const at = axis < 0 ? axis + dims.length : axis;
  return { outer: elementCount(dims.slice(0, at)), channels: dims[at]!, inner: elementCount(dims.slice(at + 1)) };
}

function mapsOf({ channels }: ChannelLayout, scale: Tensor, zeroPoint: Tensor | undefined, dtype: keyof typeof lowestCodes) {
  const bits = dtype.endsWith('16') ? 16 : 8;
  const deltas = scale.data as Float32Array, zeros = zeroPoint?.data as Int32Array | undefined;
  return Array.from({ length: channels }, (_, c) => ({ delta: deltas[c]!, offset: lowestCodes[dtype] - (zeros?.[c] ?? 0), steps: 2 ** bits - 1 }));
}

/** By the definition: `(code - zeroPoint) * scale`. */
function dequantized(codes: Tensor, scale: Tensor, zeroPoint: Tensor, axis: number): Tensor {
  const { channels, inner } = layoutOf(codes.dims, scale, axis);
  const deltas = scale.data as Float32Array, zeros = zeroPoint.data as Uint8Array;
  return float32Tensor(codes.dims, Float32Array.from(codes.data as Uint8Array, (code, i) => {
    const channel = Math.floor(i / inner) % channels;
    return (code - zeros[channel]!) * deltas[channel]!;
  }));
}

async function floatResult(op: string, attributes: Parameters<typeof buildModel>[0]['nodes'][number]['attributes'], [a, b]: readonly [Tensor, Tensor]): Promise<Tensor> {
  const model = buildModel({ inputs: { a: a.dims, b: b.dims }, nodes: [{ op, in: ['a', 'b'], out: ['y'], attributes: attributes! }], outputs: { y: null } });
  model.graph.outputs[0]!.type = { dtype: 'float32', shape: null };
  const session = await engine.load(writeModel(model));
  const { y } = await session.run({ a, b });
  await session.close();
  return y!;
}
