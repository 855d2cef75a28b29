import { Schema, type RecordBatch } from 'apache-arrow';

import { QuantpipeError } from '../base/errors.ts';
import { elementCount, type DType } from '../base/tensor.ts';
import { passOver, take, type ByteReader } from './byte-reader.ts';
import { columnsOf } from './column.ts';
import type { NpyHeader } from './npy-header.ts';
import { recordBatch, skippable } from './record-batches.ts';
import type { IsWanted, StoredSource } from './source.ts';
import { elementBytes, tensorData, tensorField, typedValues } from './tensor-columns.ts';

/** Arrays are read in slices of about so many bytes: enough to make reading fast, too few to matter. */
export const SLICE_BYTES = 1 << 20;

/** An array on disk whose leading axis counts samples. */
export interface StoredArray {
  /** The column it becomes. */
  readonly name: string;
  /** How messages call it. */
  readonly where: string;
  readonly dtype: DType;
  /** The leading axis included. */
  readonly shape: readonly number[];
  /** A reader that stands at the first value. */
  open(): Promise<OpenArray>;
}

/** An array that is being read. */
export interface OpenArray {
  readonly reader: ByteReader;
  close(): Promise<void>;
}

/**
 * Arrays of equally many samples as one source, a column each, read slice by slice. Others beside those that are wanted are left out, and told.
 *
 * @param wanted columns that the model needs
 */
export function arraysSource(name: string, all: readonly StoredArray[], wanted: readonly string[] = []): StoredSource {
  const needed = all.filter(array => wanted.includes(array.name));
  const rows = checkLengths(needed.length > 0 ? needed : all);
  const arrays = all.filter(({ shape }) => shape[0] === rows), others = all.filter(array => !arrays.includes(array));
  const notices = others.map(({ where, shape }) => `${where} is not read: ${shape.length === 0 ? 'it is a single number' : `it has ${shape[0]} samples, and not ${rows}`}`);
  const fields = arrays.map(array => tensorField(array.name, array.dtype, array.shape.slice(1)));
  const schema = new Schema(fields);
  return { name, rows, schema, columns: columnsOf(schema, name), ...(notices.length > 0 && { notices }), batches: skippable(isWanted => arrayBatches(arrays, rows, isWanted)) };
}

/**
 * Check what a header declares against the bytes that follow it, before anything is allocated.
 * @param left bytes after the header
 */
export function checkSize(where: string, { dtype, shape }: NpyHeader, left: number): void {
  const needed = elementCount(shape) * elementBytes(dtype);
  if (needed !== left) throw new QuantpipeError('data-invalid', `${where}: ${dtype} values of shape [${shape.join(', ')}] need ${needed} bytes, the file holds ${left}`, { file: where });
}

function checkLengths(arrays: readonly StoredArray[]): number {
  for (const { where, shape } of arrays) if (shape.length === 0) throw new QuantpipeError('data-invalid', `${where} is a single number; its leading axis must count samples`, { file: where });
  const [first] = arrays;
  for (const { where, shape } of arrays) {
    if (shape[0] !== first!.shape[0]) throw new QuantpipeError('data-invalid', `${first!.where} has ${first!.shape[0]} samples, ${where} has ${shape[0]}: say which array each input of the model reads`);
  }
  return first!.shape[0]!;
}

async function* arrayBatches(arrays: readonly StoredArray[], rows: number, isWanted: IsWanted): AsyncGenerator<RecordBatch | number> {
  const open: OpenArray[] = [];
  const sampleBytes = arrays.map(({ dtype, shape }) => elementCount(shape.slice(1)) * elementBytes(dtype));
  const fields = arrays.map(({ name, dtype, shape }) => tensorField(name, dtype, shape.slice(1)));
  const slice = Math.max(1, Math.floor(SLICE_BYTES / Math.max(1, ...sampleBytes)));
  try {
    for (const array of arrays) open.push(await array.open());
    for (let begin = 0; begin < rows; begin += slice) {
      const count = Math.min(slice, rows - begin);
      if (isWanted(begin, begin + count)) {
        const columns = [];
        for (const [i, { dtype }] of arrays.entries()) {
          const bytes = await take(open[i]!.reader, count * sampleBytes[i]!, `samples ${begin} to ${begin + count - 1}`);
          columns.push(tensorData(fields[i]!, typedValues(dtype, bytes), count));
        }
        yield recordBatch(fields, columns);
      } else {
        for (const [i, { reader }] of open.entries()) await passOver(reader, count * sampleBytes[i]!, `samples ${begin} to ${begin + count - 1}`);
        yield count;
      }
    }
  } finally {
    await Promise.all(open.map(array => array.close()));
  }
}
