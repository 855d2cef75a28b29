import { DataType, type Data, type RecordBatch } from 'apache-arrow';

import { check } from '../base/check.ts';
import { QuantpipeError } from '../base/errors.ts';
import { elementCount, type DType } from '../base/tensor.ts';
import type { Values } from './cast.ts';
import { columnOf, isRagged } from './column.ts';
import { showShape } from './sample-shape.ts';

/** Random access to the samples of one column of a block. */
export interface ColumnRows {
  readonly dtype: DType;
  readonly isFlat: boolean;
  /** Shape of one sample as it is stored. */
  shapeOf(row: number): readonly number[];
  /** The values of rows `begin` to `end` (exclusive): a view. */
  values(begin: number, end: number): Values;
}

/** @param where how messages call the column */
export function columnRows(batch: RecordBatch, name: string, where: string): ColumnRows {
  const index = batch.schema.fields.findIndex(field => field.name === name);
  check(index >= 0, `a block keeps the bound column '${name}'`);
  const field = batch.schema.fields[index]!;
  const column = columnOf(field, where);
  check(column !== null, `column '${name}' of a block can be read`);
  const data = batch.data.children[index]!;
  const { dtype, isFlat } = column;
  if (isRagged(field.type)) return { dtype, isFlat, ...raggedRows(data, where) };
  const inner = column.shape.filter(dim => dim !== null);
  if (DataType.isList(field.type)) return { dtype, isFlat, ...listRows(data, inner) };
  const size = elementCount(inner), values = leaf(data);
  return { dtype, isFlat, shapeOf: () => inner, values: (begin, end) => values.subarray(begin * size, end * size) };
}

function listRows(data: Data, inner: readonly number[]): Pick<ColumnRows, 'shapeOf' | 'values'> {
  const offsets = data.valueOffsets as Int32Array, values = leaf(data), size = elementCount(inner);
  return {
    shapeOf: row => [offsets[row + 1]! - offsets[row]!, ...inner],
    values: (begin, end) => values.subarray(offsets[begin]! * size, offsets[end]! * size),
  };
}

function raggedRows(data: Data, where: string): Pick<ColumnRows, 'shapeOf' | 'values'> {
  const [list, shapes] = data.children as [Data, Data];
  const { shapeOf: lengthOf, values } = listRows(list, []);
  const rank = (shapes.type as { listSize: number } & DataType).listSize, dims = leaf(shapes);
  return {
    values,
    shapeOf(row) {
      const shape = Array.from(dims.subarray(row * rank, (row + 1) * rank) as Int32Array, Number);
      const [held] = lengthOf(row);
      if (elementCount(shape) === held && shape.every(dim => dim >= 0)) return shape;
      throw new QuantpipeError('data-invalid', `${where}: a sample of shape ${showShape(shape)} holds ${held} values`, { row });
    },
  };
}

function leaf(data: Data): Values {
  let { type, children, values } = data;
  while (DataType.isList(type) || DataType.isFixedSizeList(type)) ({ type, children, values } = children[0]!);
  return values as Values;
}
