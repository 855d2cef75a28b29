// Rows out of any number of record batches, as one compact column: what blocks are made of.
//
// The result shares nothing with its sources, begins at offset 0 and has no null bitmap. Booleans become bytes, large
// lists become lists, text in all its forms becomes Utf8. Sources may be hostile: every length is checked where it is used.

import { Data, DataType, Field, FixedSizeList, List, Struct, Uint8, Utf8, makeData, vectorFromArray, Vector } from 'apache-arrow';

import { QuantpipeError } from '../base/errors.ts';
import { isText } from './column.ts';
import { decoding } from './ipc-messages.ts';

/** Rows `begin` to `end` (exclusive) of one column of one batch. */
export interface Rows {
  readonly data: Data;
  readonly begin: number;
  readonly end: number;
}

type Values = Exclude<Data['values'], undefined> & { readonly length: number; set(from: ArrayLike<unknown>, at: number): void; subarray(begin: number, end: number): Values };

/**
 * Append ranges of rows of the same type, which hold no nulls.
 * @param where how messages call the column
 */
export function concatRows(parts: readonly Rows[], where: string): Data {
  const type = parts[0]!.data.type as DataType;
  if (isText(type)) return concatText(parts, where);
  if (DataType.isList(type) || DataType.isLargeList(type)) return concatLists(parts, where);
  if (DataType.isFixedSizeList(type)) return concatFixedLists(parts, type.listSize, where);
  if (DataType.isStruct(type)) return concatStructs(parts, where);
  if (DataType.isBool(type)) return concatBits(parts, where);
  return concatValues(parts, where);
}

function rowCount(parts: readonly Rows[]): number {
  return parts.reduce((count, { begin, end }) => count + end - begin, 0);
}

function concatValues(parts: readonly Rows[], where: string): Data {
  const { type } = parts[0]!.data;
  for (const { data, end } of parts) checkHolds((data.values as Values | undefined)?.length ?? 0, end, where);
  const values = new type.ArrayType(rowCount(parts)) as Values;
  let at = 0;
  for (const { data, begin, end } of parts) {
    values.set((data.values as Values).subarray(begin, end) as ArrayLike<unknown>, at);
    at += end - begin;
  }
  return new Data(type, 0, at, 0, [undefined, values] as unknown as Data);
}

function concatBits(parts: readonly Rows[], where: string): Data {
  for (const { data, end } of parts) checkHolds(data.values.length * 8, data.offset + end, where);
  const bytes = new Uint8Array(rowCount(parts));
  let at = 0;
  for (const { data, begin, end } of parts) {
    const bits = data.values as Uint8Array;
    for (let i = data.offset + begin; i < data.offset + end; i++) bytes[at++] = (bits[i >> 3]! >> (i & 7)) & 1;
  }
  return makeData({ type: new Uint8(), length: at, nullCount: 0, data: bytes });
}

function concatFixedLists(parts: readonly Rows[], size: number, where: string): Data {
  const child = concatRows(parts.map(({ data, begin, end }) => ({ data: data.children[0]!, begin: begin * size, end: end * size })), where);
  const type = new FixedSizeList(size, itemField(parts, child));
  return makeData({ type, length: rowCount(parts), nullCount: 0, child });
}

function concatLists(parts: readonly Rows[], where: string): Data {
  for (const { data, end } of parts) checkHolds(data.valueOffsets.length, end + 1, `the list offsets of ${where}`);
  const offsets = new Int32Array(rowCount(parts) + 1);
  const ranges: Rows[] = [];
  let row = 0;
  for (const { data, begin, end } of parts) {
    const from = data.valueOffsets as Int32Array | BigInt64Array;
    const first = Number(from[begin]), base = offsets[row]!;
    for (let i = begin; i < end; i++) {
      const last = Number(from[i + 1]);
      if (first < 0 || last < Number(from[i])) throw new QuantpipeError('data-invalid', `${where}: sample ${i} ends at value ${last}, before it begins at ${Number(from[i])}`);
      offsets[++row] = base + last - first;
    }
    ranges.push({ data: data.children[0]!, begin: first, end: Number(from[end]) });
  }
  const child = concatRows(ranges, where);
  return makeData({ type: new List(itemField(parts, child)), length: row, nullCount: 0, valueOffsets: offsets, child });
}

function concatStructs(parts: readonly Rows[], where: string): Data {
  const fields = (parts[0]!.data.type as Struct).children;
  const children = fields.map((_, i) => concatRows(parts.map(({ data, begin, end }) => ({ data: data.children[i]!, begin, end })), where));
  const type = new Struct(fields.map((field, i) => new Field(field.name, children[i]!.type, false, field.metadata)));
  return makeData({ type, length: rowCount(parts), nullCount: 0, children });
}

function concatText(parts: readonly Rows[], where: string): Data {
  const texts: string[] = [];
  for (const { data, begin, end } of parts) {
    const vector = new Vector([data]);
    for (let i = begin; i < end; i++) {
      const text: unknown = decoding(where, () => vector.get(i));
      if (typeof text !== 'string') throw new QuantpipeError('data-invalid', `${where}: sample ${i} holds no text`);
      texts.push(text);
    }
  }
  return vectorFromArray(texts, new Utf8()).data[0] ?? makeData({ type: new Utf8(), length: 0, nullCount: 0, valueOffsets: new Int32Array(1), data: new Uint8Array(0) });
}

function itemField(parts: readonly Rows[], child: Data): Field {
  return new Field((parts[0]!.data.type as List).children[0]!.name, child.type, false);
}

function checkHolds(held: number, needed: number, where: string): void {
  if (held < needed) throw new QuantpipeError('data-invalid', `${where} holds ${held} values, its rows need ${needed}`);
}
