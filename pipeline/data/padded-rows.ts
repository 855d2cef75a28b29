import { check } from '../base/check.ts';
import { elementCount } from '../base/tensor.ts';
import type { Values } from './cast.ts';
import type { ColumnRows } from './column-rows.ts';

/** Rows that are all as large as the largest on each axis, with `pad` behind what they hold: the samples of a block then run together. */
export function paddedRows(rows: ColumnRows, count: number, pad: number): ColumnRows {
  const shapes = Array.from({ length: count }, (_, row) => rows.shapeOf(row));
  const rank = shapes[0]?.length ?? 0;
  if (!shapes.every(shape => shape.length === rank)) return rows; // a wrong shape is told of where the model's input is known
  const shape = Array.from({ length: rank }, (_, axis) => Math.max(...shapes.map(dims => dims[axis]!)));
  const size = elementCount(shape);
  return {
    ...rows,
    shapeOf: () => shape,
    values(begin, end) {
      const stored = rows.values(begin, end);
      const out = new (stored.constructor as new (length: number) => Values)((end - begin) * size);
      out.fill((out instanceof BigInt64Array || out instanceof BigUint64Array ? BigInt(pad) : pad) as never);
      let from = 0;
      for (let row = begin; row < end; row++) from = place(stored, from, shapes[row]!, out, (row - begin) * size, shape);
      return out;
    },
  };
}

/** Copy a dense array into the corner of a larger one; gives where its values end. */
function place(values: Values, from: number, shape: readonly number[], out: Values, to: number, larger: readonly number[]): number {
  check(shape.length === larger.length, 'arrays of one rank');
  if (shape.length <= 1) {
    const count = shape[0] ?? 1;
    out.set(values.subarray(from, from + count) as never, to);
    return from + count;
  }
  const step = elementCount(larger.slice(1));
  for (let i = 0; i < shape[0]!; i++) from = place(values, from, shape.slice(1), out, to + i * step, larger.slice(1));
  return from;
}

/** Rows of the same shapes that hold 1 everywhere: what an attention mask is before padding. */
export function maskRows(rows: ColumnRows, count: number): ColumnRows {
  const ends = new Float64Array(count + 1);
  for (let row = 0; row < count; row++) ends[row + 1] = ends[row]! + elementCount(rows.shapeOf(row));
  return { dtype: 'uint8', isFlat: rows.isFlat, shapeOf: rows.shapeOf, values: (begin, end) => new Uint8Array(ends[end]! - ends[begin]!).fill(1) };
}
