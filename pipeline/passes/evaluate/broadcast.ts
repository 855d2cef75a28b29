import { elementCount } from '../../base/tensor.ts';

/** The common shape of two shapes by ONNX's (numpy's) rule, or null where they do not fit. */
export function broadcastDims(a: readonly number[], b: readonly number[]): number[] | null {
  const rank = Math.max(a.length, b.length);
  const dims: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const [x, y] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (x !== y && x !== 1 && y !== 1) return null;
    dims.push(x === 1 ? y : x);
  }
  return dims;
}

/** For each element of a tensor of shape `dims`, in order, the index of the element of `from` that is broadcast there. */
export function broadcastIndex(from: readonly number[], dims: readonly number[]): Uint32Array {
  const strides = rowMajorStrides(from).map((stride, axis) => (from[axis] === 1 ? 0 : stride));
  return strided(dims, [...Array<number>(dims.length - from.length).fill(0), ...strides]);
}

/** Distance in elements between neighbours along each axis. */
export function rowMajorStrides(dims: readonly number[]): number[] {
  return dims.map((_, axis) => elementCount(dims.slice(axis + 1)));
}

/** For each element of a tensor of shape `dims`, in order: `start` plus the sum of its coordinates times `strides`. */
export function strided(dims: readonly number[], strides: readonly number[], start = 0): Uint32Array {
  const index = new Uint32Array(elementCount(dims));
  const coordinates = new Array<number>(dims.length).fill(0);
  const row = dims.at(-1) ?? 1, step = strides.at(-1) ?? 0;
  let at = start;
  for (let i = 0; i < index.length;) {
    for (let j = 0, next = at; j < row; j++, next += step) index[i++] = next;
    for (let axis = dims.length - 2; axis >= 0; axis--) {
      at += strides[axis]!;
      if (++coordinates[axis]! < dims[axis]!) break;
      at -= strides[axis]! * dims[axis]!;
      coordinates[axis] = 0;
    }
  }
  return index;
}
