import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { DataType, Schema, type Field, type RecordBatch } from 'apache-arrow';

import { QuantpipeError } from '../base/errors.ts';
import { listedNames } from '../base/listed.ts';
import { elementCount, type DType } from '../base/tensor.ts';
import { unreadable } from '../base/text-file.ts';
import { LABEL_COLUMN } from './bind.ts';
import { take } from './byte-reader.ts';
import { columnsOf } from './column.ts';
import { entriesOf } from './list-files.ts';
import { npyArray } from './npy-reader.ts';
import { recordBatch, skippable } from './record-batches.ts';
import type { IsWanted, StoredSource } from './source.ts';
import { SLICE_BYTES, arraysSource, type StoredArray } from './stored-arrays.ts';
import { elementBytes, joinedValues, raggedData, raggedField, tensorData, tensorField, typedValues, type Sample } from './tensor-columns.ts';

/** Name of the one column of a folder that holds a sample in each file. */
const SAMPLE_COLUMN = 'sample';
/** Small samples are read in batches of at most so many. */
const MAX_BATCH_ROWS = 256;

/**
 * A folder of .npy files. Where it holds NAME.npy for every column that is wanted, or label.npy, each file is a column, its
 * leading axis counting samples. Otherwise each file is one sample of the only column, in the order of their names (by code unit: 10.npy
 * comes before 9.npy); shapes may differ, types and ranks may not.
 */
export async function folderSource(path: string, wanted: readonly string[] = []): Promise<StoredSource> {
  const files = (await readdir(path).catch(cause => { throw unreadable(path, cause); })).filter(name => name.endsWith('.npy')).sort();
  if (files.length === 0) throw await noData(path);
  const isColumn = (name: string) => files.includes(`${name}.npy`);
  const hasColumns = isColumn(LABEL_COLUMN) || (wanted.length > 0 && wanted.every(isColumn));
  const arrays: StoredArray[] = [];
  for (const file of files) arrays.push(await npyArray(join(path, file)));
  return { ...hasColumns ? arraysSource(path, arrays, wanted) : samplesSource(path, arrays), files: files.map(file => join(path, file)) };
}

async function noData(path: string): Promise<QuantpipeError> {
  const { files, folders } = await entriesOf(path), held = [...folders.map(name => `${name}/`), ...files];
  const holds = held.length === 0 ? 'is an empty folder' : `is a folder without data that are read (.parquet, .arrow, .npz, .npy, .tar and .pb files, JPEG, PNG and WebP images): it holds ${listedNames(held)}`;
  const below = folders.length === 0 ? '' : `; files in folders below it are read by a pattern in quotes, such as '${path}/**/*.parquet'`;
  return new QuantpipeError('data-invalid', `${path} ${holds}${below}`, { file: path });
}

function samplesSource(path: string, samples: readonly StoredArray[]): StoredSource {
  const [first] = samples as [StoredArray, ...StoredArray[]];
  for (const { where, dtype, shape } of samples) {
    if (dtype !== first.dtype) throw new QuantpipeError('data-invalid', `${first.where} holds ${first.dtype}, ${where} holds ${dtype}`);
    if (shape.length !== first.shape.length) throw new QuantpipeError('data-invalid', `${first.where} has ${first.shape.length} dimensions, ${where} has ${shape.length}`);
  }
  const shape = first.shape.map((dim, axis) => (samples.every(sample => sample.shape[axis] === dim) ? dim : null));
  const field = shape.every(dim => dim !== null) ? tensorField(SAMPLE_COLUMN, first.dtype, shape) : raggedField(SAMPLE_COLUMN, first.dtype, shape);
  const schema = new Schema([field]);
  return { name: path, rows: samples.length, schema, columns: columnsOf(schema, path), batches: skippable(isWanted => sampleBatches(samples, field, isWanted)) };
}

async function* sampleBatches(arrays: readonly StoredArray[], field: Field, isWanted: IsWanted): AsyncGenerator<RecordBatch | number> {
  let samples: Sample[] = [], bytes = 0;
  for (const [i, array] of arrays.entries()) {
    if (isWanted(i, i + 1)) {
      samples.push(await readSample(array));
      bytes += samples.at(-1)!.values.byteLength;
    }
    const isLast = i === arrays.length - 1 || !isWanted(i + 1, i + 2);
    if (samples.length > 0 && (isLast || bytes >= SLICE_BYTES || samples.length === MAX_BATCH_ROWS)) {
      yield sampleBatch(field, samples, array.dtype);
      samples = [];
      bytes = 0;
    }
    if (!isWanted(i, i + 1)) yield 1;
  }
}

async function readSample(array: StoredArray): Promise<Sample> {
  const { reader, close } = await array.open();
  try {
    const bytes = await take(reader, elementCount(array.shape) * elementBytes(array.dtype), 'a sample');
    return { shape: array.shape, values: typedValues(array.dtype, bytes) };
  } finally {
    await close();
  }
}

function sampleBatch(field: Field, samples: readonly Sample[], dtype: DType): RecordBatch {
  const isRagged = DataType.isStruct(field.type);
  const data = isRagged ? raggedData(field, samples) : tensorData(field, joinedValues(dtype, samples), samples.length);
  return recordBatch([field], [data]);
}
