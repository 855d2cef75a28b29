import { elementCount, type Tensor } from '../../base/tensor.ts';
import { floatOf, intOf, intsOf } from '../../graph/attribute.ts';
import type { Node } from '../../graph/node.ts';
import { rowMajorStrides, strided } from './broadcast.ts';
import type { Evaluator, EvaluatorTable } from './evaluator.ts';

/** How to reduce many numbers to one; in float64, however the engine adds up. */
interface Reduction {
  readonly start: number;
  step(sum: number, value: number): number;
  end?(sum: number, count: number): number;
}

const sum = (a: number, b: number) => a + b, sumOfSquares = (a: number, b: number) => a + b * b;

/** What parametrizations of weights are written with (norms, standardization), of float32 and float64 tensors. */
export const reductions: EvaluatorTable = {
  ReduceSum: reduce({ start: 0, step: sum }),
  ReduceMean: reduce({ start: 0, step: sum, end: (total, count) => total / count }),
  ReduceSumSquare: reduce({ start: 0, step: sumOfSquares }),
  ReduceL1: reduce({ start: 0, step: (total, value) => total + Math.abs(value) }),
  ReduceL2: reduce({ start: 0, step: sumOfSquares, end: Math.sqrt }),
  ReduceMax: reduce({ start: -Infinity, step: Math.max }),
  ReduceMin: reduce({ start: Infinity, step: Math.min }),
  BatchNormalization: normalize,
};

function reduce(reduction: Reduction): Evaluator {
  return (node, [x, given]) => {
    if (!x || !isFloats(x) || x.data.length === 0) return null;
    const axes = axesOf(node, given, x.dims.length);
    if (axes === null) return null;
    if (axes.length === 0 && intOf(node, 'noop_with_empty_axes', 0) === 1) return null;
    const isReduced = (axis: number) => axes.length === 0 || axes.includes(axis);
    const kept = x.dims.map((dim, axis) => (isReduced(axis) ? 1 : dim));
    const data = x.data instanceof Float64Array ? new Float64Array(elementCount(kept)) : new Float32Array(elementCount(kept));
    data.set(reduced(x, kept, reduction));
    return { dtype: x.dtype, dims: intOf(node, 'keepdims', 1) === 1 ? kept : x.dims.filter((_, axis) => !isReduced(axis)), data };
  };
}

/** `kept`: the dimensions of x, 1 where it is reduced. */
function reduced({ dims, data }: Floats, kept: readonly number[], { start, step, end = total => total }: Reduction): Float64Array {
  const to = strided(dims, rowMajorStrides(kept).map((stride, axis) => (kept[axis] === 1 ? 0 : stride)));
  const totals = new Float64Array(elementCount(kept)).fill(start);
  for (let i = 0; i < to.length; i++) totals[to[i]!] = step(totals[to[i]!]!, data[i]!);
  return totals.map(total => end(total, data.length / totals.length));
}

/** Mean and variance of its own in training mode, as weight standardization is exported; else those that it is given. Along axis 1. */
function normalize(node: Node, [x, scale, bias, givenMean, givenVariance]: readonly (Tensor | null)[]): Tensor | null {
  if (!x || !isFloats(x) || x.dims.length < 2 || x.data.length === 0) return null;
  const parameters = [scale, bias, givenMean, givenVariance];
  const channels = x.dims[1]!, epsilon = floatOf(node, 'epsilon', 1e-5);
  if (!parameters.every((values): values is Floats => !!values && isFloats(values) && values.data.length === channels)) return null;
  const [gain, shift, ...given] = parameters.map(({ data }) => data) as [Values, Values, Values, Values];
  const inner = elementCount(x.dims.slice(2)), channelOf = (i: number) => Math.floor(i / inner) % channels;
  const [mean, variance] = intOf(node, 'training_mode', 0) === 1 ? momentsOf(x.data, channels, channelOf) : given;
  const data = x.data instanceof Float64Array ? new Float64Array(x.data.length) : new Float32Array(x.data.length);
  for (let i = 0; i < data.length; i++) {
    const channel = channelOf(i);
    data[i] = (x.data[i]! - mean![channel]!) / Math.sqrt(variance![channel]! + epsilon) * gain[channel]! + shift[channel]!;
  }
  return { dtype: x.dtype, dims: x.dims, data };
}

/** Mean and variance of each channel. */
function momentsOf(values: Values, channels: number, channelOf: (i: number) => number): [mean: Float64Array, variance: Float64Array] {
  const mean = new Float64Array(channels), variance = new Float64Array(channels), count = values.length / channels;
  for (let i = 0; i < values.length; i++) mean[channelOf(i)]! += values[i]! / count;
  for (let i = 0; i < values.length; i++) variance[channelOf(i)]! += (values[i]! - mean[channelOf(i)]!) ** 2 / count;
  return [mean, variance];
}

type Values = Float32Array | Float64Array;
type Floats = Tensor & { readonly data: Values };

function isFloats(tensor: Tensor): tensor is Floats {
  const { data } = tensor;
  return data instanceof Float32Array || data instanceof Float64Array;
}

/** Counted from the front, from the attribute or, since opset 13 or 18, the input; none stand for all. null where one is none of x. */
function axesOf(node: Node, given: Tensor | null | undefined, rank: number): number[] | null {
  const axes = (intsOf(node, 'axes') ?? (given ? Array.from(given.data as BigInt64Array, Number) : [])).map(axis => (axis < 0 ? axis + rank : axis));
  return axes.every(axis => axis >= 0 && axis < rank) ? axes : null;
}
