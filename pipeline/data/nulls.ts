import { type Data, DataType } from 'apache-arrow';

import { QuantpipeError } from '../base/errors.ts';
import type { Rows } from './concat.ts';

/** Rows of one column of one batch, and the position of the first of them in the source. */
export interface SampleRows extends Rows {
  readonly sample: number;
}

/**
 * @param where how messages call the column
 * @throws data-invalid naming the first of these samples that is null, or holds a null at any depth
 */
export function refuseNulls(parts: readonly SampleRows[], where: string): void {
  for (const { data, begin, end, sample } of parts) {
    const row = rowWithNull(data, begin, end, where);
    if (row === null) continue;
    throw nullSample(sample + row - begin, where, { isWhole: !data.getValid(row) });
  }
}

/** The error about a sample that is null, or holds a null. */
export function nullSample(sample: number, where: string, { isWhole }: { readonly isWhole: boolean }): QuantpipeError {
  return new QuantpipeError('data-invalid', `${where}: sample ${sample} ${isWhole ? 'is null; every sample needs a value' : 'holds a null; all of its values are needed'}`, { sample });
}

/** The first of these rows with a null at any depth. Rows that a damaged file does not have hold none. */
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
