import { elementCount, type Tensor, type TensorData } from '../../base/tensor.ts';
import { intOf, intsOf } from '../../graph/attribute.ts';
import type { Node } from '../../graph/node.ts';
import { rowMajorStrides, strided } from './broadcast.ts';
import type { EvaluatorTable } from './evaluator.ts';

/** Operators that move elements or change the shape. Squeeze and Unsqueeze have their axes as attribute before opset 13, then as input. */
export const movement: EvaluatorTable = {
  Transpose(node, [x]) {
    if (!x) return null;
    const perm = intsOf(node, 'perm') ?? x.dims.map((_, axis) => axis).reverse();
    if (perm.toSorted((a, b) => a - b).some((axis, i) => axis !== i) || perm.length !== x.dims.length) return null;
    const strides = rowMajorStrides(x.dims);
    const dims = perm.map(axis => x.dims[axis]!);
    return { dtype: x.dtype, dims, data: gathered(x.data, strided(dims, perm.map(axis => strides[axis]!))) };
  },

  Reshape(node, [x, shape]) {
    if (!x || !shape) return null;
    const asked = Array.from(shape.data as BigInt64Array, Number);
    const zeroCopies = intOf(node, 'allowzero', 0) === 0;
    const dims = asked.map((dim, axis) => (dim === 0 && zeroCopies ? x.dims[axis]! : dim));
    const known = elementCount(dims.filter(dim => dim !== -1));
    return reshaped(x, dims.map(dim => (dim === -1 ? x.data.length / known : dim)));
  },

  Squeeze(node, [x, given]) {
    if (!x) return null;
    const axes = axesOf(node, given, x.dims.length);
    return reshaped(x, x.dims.filter((dim, axis) => (axes === null ? dim !== 1 : !axes.includes(axis))));
  },

  Unsqueeze(node, [x, given]) {
    const count = (intsOf(node, 'axes') ?? given?.data)?.length ?? 0;
    const axes = x ? axesOf(node, given, x.dims.length + count) : null;
    if (!x || axes === null) return null;
    const rest = [...x.dims];
    return reshaped(x, Array.from({ length: rest.length + count }, (_, axis) => (axes.includes(axis) ? 1 : rest.shift()!)));
  },
};

/** Axes counted from the front, from the attribute or the input; null where neither is given. */
function axesOf(node: Node, given: Tensor | null | undefined, rank: number): number[] | null {
  const axes = intsOf(node, 'axes') ?? (given ? Array.from(given.data as BigInt64Array, Number) : null);
  return axes && axes.map(axis => (axis < 0 ? axis + rank : axis));
}

function reshaped({ dtype, data }: Tensor, dims: readonly number[]): Tensor | null {
  return elementCount(dims) === data.length ? { dtype, dims, data } : null;
}

/** The elements of `data` at the places of `index`, in the same kind of array. */
export function gathered(data: TensorData, index: Uint32Array): TensorData {
  if (Array.isArray(data)) return Array.from(index, at => data[at]!);
  const from = data as Float32Array; // one view for all kinds: values are only moved
  const to = new (data.constructor as Float32ArrayConstructor)(index.length);
  for (let i = 0; i < to.length; i++) to[i] = from[index[i]!]!;
  return to;
}
