import type { RecordBatch } from 'apache-arrow';

import { QuantpipeError } from '../base/errors.ts';
import { columnOf } from './column.ts';
import { concatRows, type Rows } from './concat.ts';
import { batchesWithoutNulls } from './nulls.ts';
import { recordBatch, skippable } from './record-batches.ts';
import type { BadSample, IsWanted, Source } from './source.ts';

/** Which of the samples of a source to take. */
export interface SampleOptions {
  readonly count: number;
  /** Another number takes others. Default 0. */
  readonly seed?: number;
}

/**
 * `count` samples of a source, spread evenly: one of each of `count` stretches of it, which one is decided by a hash of the seed and the
 * stretch. So the choice depends on nothing else, and no period in the data can hide. They are numbered from 0 as if there were no others.
 *
 * @throws config-invalid where the source does not tell its length, or holds fewer
 */
export function sampledSource(source: Source, { count, seed = 0 }: SampleOptions): Source {
  const { name, rows, columns } = source;
  if (rows === null) throw new QuantpipeError('config-invalid', `${name} does not tell how many samples it holds, so none can be chosen among all: take the first ones, by a limit`);
  if (rows < count) throw new QuantpipeError('config-invalid', `${count} samples were asked for, ${name} holds ${rows}`);
  const chosen = (index: number): number => {
    const begin = Math.floor(index * rows / count), end = Math.floor((index + 1) * rows / count);
    return begin + hash(seed, index) % (end - begin);
  };
  return { name, rows: count, columns, selection: `${count} of ${rows} by seed ${seed}`, batches: skippable((isWanted, names) => chosenBatches(source, count, chosen, isWanted, names)) };
}

async function* chosenBatches(source: Source, count: number, chosen: (index: number) => number, isWanted: IsWanted, names?: readonly string[]): AsyncGenerator<RecordBatch | BadSample | number> {
  let index = 0, row = 0;
  /** The first chosen one at or behind a row. */
  const firstFrom = (wanted: number) => {
    let low = index, high = count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (chosen(middle) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const holdsWanted: IsWanted = (begin, end) => {
    const first = firstFrom(begin), last = firstFrom(end);
    return last > first && isWanted(first, last);
  };
  for await (const batch of batchesWithoutNulls(source, holdsWanted, names)) {
    const end = row + (typeof batch === 'number' ? batch : 'bad' in batch ? 1 : batch.numRows);
    const first = index;
    index = firstFrom(end);
    if (index > first) {
      if (typeof batch === 'number') yield index - first;
      else if ('bad' in batch) yield batch;
      else yield rowsOf(batch, Array.from({ length: index - first }, (_, i) => chosen(first + i) - row), source.name);
    }
    row = end;
    if (index === count) return;
  }
}

/** Some rows of a batch, as a batch of their own. */
function rowsOf(batch: RecordBatch, rows: readonly number[], where: string): RecordBatch {
  const kept = [...batch.schema.fields.entries()].filter(([, field]) => columnOf(field, where) !== null);
  const columns = kept.map(([i, field]) => concatRows(rows.map((begin): Rows => ({ data: batch.data.children[i]!, begin, end: begin + 1 })), `column '${field.name}' of ${where}`));
  return recordBatch(kept.map(([, field]) => field), columns);
}

/** 32 bits that look random, of two numbers: the finalizer of MurmurHash3, twice. */
function hash(seed: number, index: number): number {
  return mixed((mixed((seed ^ Math.floor(seed / 2 ** 32)) | 0) + index) | 0) >>> 0;
}

function mixed(bits: number): number {
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
