import { QuantpipeError } from '../base/errors.ts';
import { isText } from './column.ts';
import { numbers } from './cast.ts';
import { columnRows } from './column-rows.ts';
import { fromIpc } from './record-batches.ts';

/** What the samples of a block are: class ids, sequences of class ids (of any length), or texts. */
export type Labels =
  | { readonly kind: 'classes'; readonly values: readonly number[] }
  | { readonly kind: 'sequences'; readonly values: readonly (readonly number[])[] }
  | { readonly kind: 'texts'; readonly values: readonly string[] };

/** The labels of a block, one per sample; null where the block has no such column. */
export function labels(bytes: ArrayBuffer, column: string): Labels | null {
  const batch = fromIpc(bytes);
  const vector = batch.getChild(column);
  if (vector === null) return null;
  if (isText(vector.type)) return { kind: 'texts', values: Array.from(vector as Iterable<string>) };
  const rows = columnRows(batch, column, `column '${column}'`);
  if (rows.dtype.startsWith('float')) throw new QuantpipeError('data-invalid', `column '${column}' holds ${rows.dtype}; labels are whole numbers, lists of them, or texts`);
  const list = (begin: number, end: number): number[] => Array.from(numbers(rows.values(begin, end), rows.dtype));
  if (batch.numRows === 0 || rows.shapeOf(0).length === 0) return { kind: 'classes', values: list(0, batch.numRows) };
  return { kind: 'sequences', values: Array.from({ length: batch.numRows }, (_, row) => list(row, row + 1)) };
}
