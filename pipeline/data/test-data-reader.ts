// The test data that ONNX models come with: folders test_data_set_0, test_data_set_1, … each with input_0.pb, input_1.pb, …

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { Schema, type RecordBatch } from 'apache-arrow';

import { QuantpipeError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { unreadable } from '../base/text-file.ts';
import { readTensor } from '../onnx/read-tensor.ts';
import { columnsOf } from './column.ts';
import { skippable } from './record-batches.ts';
import { checkTensor, sampleField, samplesBatch, type SampleColumn } from './sample-columns.ts';
import type { IsWanted, StoredSource } from './source.ts';

/** The folders of test data that a folder holds, or itself; in the order of their numbers. Empty where there are none. */
export async function listTestData(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(cause => { throw unreadable(folder, cause); });
  if (names.includes('input_0.pb')) return [folder];
  return names.filter(name => /^test_data_set_\d+$/.test(name)).sort(byNumber).map(name => join(folder, name));
}

function byNumber(a: string, b: string): number {
  return Number(/\d+/.exec(a)![0]) - Number(/\d+/.exec(b)![0]);
}

/**
 * Test data as a source: a sample in each folder, a column for each of its inputs. A tensor that has the name of a column that is wanted is that
 * column; others are those at their place among the wanted ones.
 */
export async function testDataSource(name: string, folders: readonly string[], wanted: readonly string[] = []): Promise<StoredSource> {
  const columns = (await readInputs(folders[0]!, wanted)).map(({ column, tensor: { dtype, dims } }): SampleColumn => ({ name: column, dtype, rank: dims.length }));
  const schema = new Schema(columns.map(sampleField));
  const files = (await Promise.all(folders.map(async folder => (await inputFiles(folder)).map(file => join(folder, file))))).flat();
  return { name, files, rows: folders.length, schema, columns: columnsOf(schema, name), batches: skippable(isWanted => folderBatches(folders, columns, wanted, isWanted)) };
}

async function* folderBatches(folders: readonly string[], columns: readonly SampleColumn[], wanted: readonly string[], isWanted: IsWanted): AsyncGenerator<RecordBatch | number> {
  for (const [i, folder] of folders.entries()) {
    if (!isWanted(i, i + 1)) {
      yield 1;
      continue;
    }
    const inputs = await readInputs(folder, wanted);
    const samples = columns.map(({ name, dtype, rank }) => {
      const input = inputs.find(({ column }) => column === name);
      if (!input || input.tensor.dtype !== dtype || input.tensor.dims.length !== rank) {
        const held = input ? `one of ${input.tensor.dtype} with ${input.tensor.dims.length} dimensions` : 'none';
        throw new QuantpipeError('data-invalid', `${folder}: a tensor '${name}' of ${dtype} with ${rank} dimensions is expected as in ${folders[0]}, it holds ${held}`, { file: folder });
      }
      const { dims, values } = checkTensor(input.tensor, `${folder}, '${name}'`);
      return [{ shape: dims, values }];
    });
    yield samplesBatch(columns, samples);
  }
}

async function inputFiles(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter(name => /^input_\d+\.pb$/.test(name)).sort(byNumber);
}

async function readInputs(folder: string, wanted: readonly string[]): Promise<{ readonly column: string; readonly tensor: Tensor }[]> {
  const files = await inputFiles(folder);
  if (files.length === 0) throw new QuantpipeError('data-invalid', `${folder} holds no input_0.pb`, { file: folder });
  const inputs = [];
  for (const [i, file] of files.entries()) {
    const path = join(folder, file);
    const { name, tensor } = readTensor(await readFile(path).catch(cause => { throw unreadable(path, cause); }), path);
    checkTensor(tensor, path);
    inputs.push({ column: wanted.includes(name) ? name : wanted[i] ?? (name || `input_${i}`), tensor });
  }
  return inputs;
}
