import { type Data, DataType, type RecordBatch } from 'apache-arrow';

import { QuantpipeError } from '../base/errors.ts';
import { columnOf } from './column.ts';
import type { BadSample, IsWanted, Source } from './source.ts';

/**
 * The batches of a source, in which no sample is null or holds a null: such a one is a {@link BadSample}, and the rows around it are slices.
 *
 * @param columns those that samples need; default all that quantpipe can read
 */
export async function* batchesWithoutNulls(source: Source, isWanted: IsWanted, columns?: readonly string[]): AsyncGenerator<RecordBatch | BadSample | number> {
  for await (const batch of source.batches(isWanted, columns)) {
    if (typeof batch === 'number' || 'bad' in batch) yield batch;
    else yield* withoutNulls(batch, source.name, columns);
  }
}

/**
 * Rows of which some are null, or hold a null: a {@link BadSample} for each of those, and batches of the others around them.
 *
 * @param nulls by their number, and how messages call the column that is to blame
 * @param between the rows from the first number to the second (exclusive)
 */
export function* aroundNulls(rows: number, nulls: ReadonlyMap<number, string>, between: (begin: number, end: number) => RecordBatch): Generator<RecordBatch | BadSample> {
  let begin = 0;
  for (const [row, column] of [...nulls].sort(([a], [b]) => a - b)) {
    if (row > begin) yield between(begin, row);
    yield { bad: `${column} is null there, or holds a null` };
    begin = row + 1;
  }
  if (begin < rows) yield between(begin, rows);
}

/**
 * The rows from `begin` to `end` (exclusive) that are null, or hold a null at any depth, in order. Rows that a damaged file does not have hold none.
 *
 * @param where how messages call the column
 */
export function rowsWithNulls(data: Data, begin: number, end: number, where: string): number[] {
  const rows: number[] = [];
  for (let from = begin; ; ) {
    const row = rowWithNull(data, from, end, where);
    if (row === null) return rows;
    rows.push(row);
    from = row + 1;
  }
}

function* withoutNulls(batch: RecordBatch, name: string, columns?: readonly string[]): Generator<RecordBatch | BadSample> {
  const nulls = new Map<number, string>();
  for (const [i, field] of batch.schema.fields.entries()) {
    if (columns?.includes(field.name) === false || columnOf(field, name) === null) continue;
    const where = `column '${field.name}' of ${name}`;
    for (const row of rowsWithNulls(batch.data.children[i]!, 0, batch.numRows, where)) if (!nulls.has(row)) nulls.set(row, where);
  }
  yield* nulls.size === 0 ? [batch] : aroundNulls(batch.numRows, nulls, (begin, end) => batch.slice(begin, end));
}

/** The first of these rows with a null at any depth. */
function rowWithNull(data: Data, begin: number, end: number, where: string): number | null {
  const from = Math.max(0, begin), to = Math.min(end, data.length);
  const whole = nullRow(data, from, to, where);
  return rowWithNullInside(data, from, whole ?? to, where) ?? whole;
}

function nullRow(data: Data, from: number, to: number, where: string): number | null {
  if (data.nullCount === 0) return null;
  if (!data.nullable) throw new QuantpipeError('data-invalid', `${where}: ${data.nullCount} ${data.nullCount === 1 ? 'null is' : 'nulls are'} declared, and not which`);
  for (let row = from; row < to; row++) if (!data.getValid(row)) return row;
  return null;
}

function rowWithNullInside(data: Data, from: number, to: number, where: string): number | null {
  const { type, children } = data;
  if (DataType.isFixedSizeList(type)) {
    const value = rowWithNull(children[0]!, from * type.listSize, to * type.listSize, where);
    return value === null ? null : Math.floor(value / type.listSize);
  }
  if (DataType.isList(type) || DataType.isLargeList(type)) return listWithNull(data, from, to, where);
  if (!DataType.isStruct(type)) return null;
  const rows = children.map(child => rowWithNull(child, from, to, where)).filter(row => row !== null);
  return rows.length === 0 ? null : Math.min(...rows);
}

function listWithNull({ valueOffsets, children }: Data, from: number, to: number, where: string): number | null {
  const offset = (row: number) => Number(valueOffsets[row]);
  const value = to > from ? rowWithNull(children[0]!, offset(from), offset(to), where) : null;
  if (value === null) return null;
  for (let row = from; row < to; row++) if (value < offset(row + 1)) return row;
  return null;
}
