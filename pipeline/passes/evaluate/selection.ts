import { elementCount, type Tensor } from '../../base/tensor.ts';
import { intOf } from '../../graph/attribute.ts';
import { broadcastDims, broadcastIndex, rowMajorStrides, strided } from './broadcast.ts';
import type { EvaluatorTable } from './evaluator.ts';
import { isModest } from './limit.ts';
import { gathered } from './movement.ts';

/** Operators that pick elements of tensors, or repeat them. */
export const selection: EvaluatorTable = {
  Gather(node, [x, indices]) {
    if (!x || !indices || x.dims.length === 0) return null;
    const axis = fromFront(intOf(node, 'axis', 0), x.dims.length), length = x.dims[axis];
    const at = length === undefined ? null : positions(indices, length);
    if (at === null) return null;
    const [before, after] = [x.dims.slice(0, axis), x.dims.slice(axis + 1)];
    const dims = [...before, ...indices.dims, ...after], inner = elementCount(after);
    if (!isModest(elementCount(dims), [x, indices])) return null;
    const index = new Uint32Array(elementCount(dims));
    let to = 0;
    for (let outer = 0; outer < elementCount(before); outer++) {
      for (const position of at) for (let i = 0; i < inner; i++) index[to++] = (outer * length! + position) * inner + i;
    }
    return { dtype: x.dtype, dims, data: gathered(x.data, index) };
  },

  Slice(_, [x, starts, ends, axes, steps]) {
    if (!x || !starts || !ends) return null;
    const list = (tensor: Tensor) => Array.from(tensor.data as BigInt64Array, Number), rank = x.dims.length;
    const [from, to, by] = [list(starts), list(ends), steps ? list(steps) : null];
    const along = axes ? list(axes).map(axis => fromFront(axis, rank)) : from.map((_, i) => i);
    const strides = rowMajorStrides(x.dims), dims = [...x.dims];
    let first = 0;
    for (const [i, axis] of along.entries()) {
      const length = x.dims[axis], step = by?.[i] ?? 1;
      if (length === undefined || step === 0 || to[i] === undefined || new Set(along).size < along.length) return null;
      const { begin, count } = stretch(from[i]!, to[i]!, step, length);
      first += begin * strides[axis]!;
      strides[axis]! *= step;
      dims[axis] = count;
    }
    return { dtype: x.dtype, dims, data: gathered(x.data, strided(dims, strides, first)) };
  },

  Expand(_, [x, shape]) {
    const dims = x && shape ? broadcastDims(x.dims, Array.from(shape.data as BigInt64Array, Number)) : null;
    if (!x || dims === null || !isModest(elementCount(dims), [x])) return null;
    return { dtype: x.dtype, dims, data: gathered(x.data, broadcastIndex(x.dims, dims)) };
  },
};

/** Where a slice begins along an axis, and how many elements it takes: numpy's rule, with bounds that lie outside moved to the ends. */
function stretch(start: number, end: number, step: number, length: number): { begin: number; count: number } {
  const clamp = (bound: number) => Math.min(Math.max(bound < 0 ? bound + length : bound, step > 0 ? 0 : -1), step > 0 ? length : length - 1);
  const begin = step > 0 ? clamp(start) : Math.max(0, clamp(start));
  return { begin, count: Math.max(0, Math.ceil((clamp(end) - clamp(start)) / step)) };
}

/** Indices counted from the front; null where one lies outside. */
function positions({ data }: Tensor, length: number): number[] | null {
  const all = Array.from(data as ArrayLike<number | bigint>, value => fromFront(Number(value), length));
  return all.every(position => position >= 0 && position < length) ? all : null;
}

function fromFront(index: number, length: number): number {
  return index < 0 ? index + length : index;
}
