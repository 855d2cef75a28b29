import type { RecordBatch } from 'apache-arrow';

import { check } from '../base/check.ts';
import { QuantpipeError } from '../base/errors.ts';
import { columnOf } from './column.ts';
import { concatRows } from './concat.ts';
import { batchesWithoutNulls } from './nulls.ts';
import { recordBatch, toIpc } from './record-batches.ts';
import type { Block, IsWanted, Source } from './source.ts';

/** Schema metadata of a block: the position of its first sample in the source, for messages. */
export const FIRST_SAMPLE_KEY = 'quantpipe.first';
/** The numbers of samples that were left out of a block, if any: messages count them. */
export const LEFT_OUT_KEY = 'quantpipe.left-out';

/** Which samples, in which pieces. */
export interface BlockOptions {
  /** Samples in a block; the last one may hold fewer. */
  readonly size: number;
  /** Read no more samples than these. Default all. */
  readonly limit?: number;
  /** Take every `count`-th block, beginning with block `index`. Default all. */
  readonly shard?: { readonly index: number; readonly count: number };
  /** First block wanted: those before were done already. Default 0. */
  readonly from?: number;
  /** Columns to keep. Default all that quantpipe can read. */
  readonly columns?: readonly string[];
  /** Samples that a run of the model needs together; `size` is a multiple of it. What is left at the end, or in a block with samples that cannot be read, is left out. Default 1. */
  readonly together?: number;
  /** Told how many samples of a block were left out, and beside how many that cannot be read. */
  readonly onLeftOut?: (samples: number, unreadable: number) => void;
}

/** Samples in a block: what was asked for, or else the most below `usual`, in multiples of what the model reads at a time. */
export function blockSize(asked: number | undefined, usual: number, together: number): number {
  if (asked === undefined) return Math.max(1, Math.floor(usual / together)) * together;
  if (asked % together === 0) return asked;
  throw new QuantpipeError('config-invalid', `a batch size of ${asked} is no multiple of the ${together} samples that the model reads at a time`);
}

/**
 * Cut a source into blocks: block k is samples k·B … k·B+B-1, however the source's own batches are cut. So a block is
 * the same whoever reads it, and in whichever shard.
 *
 * @throws data-invalid where the source holds no sample at all, or fewer than are needed together
 */
export async function* blocks(source: Source, options: BlockOptions): AsyncGenerator<Block> {
  const { size, limit = Infinity, shard = { index: 0, count: 1 }, from = 0, columns, together = 1 } = options;
  check(size >= 1 && size % together === 0 && shard.index < shard.count, 'a block has samples, a shard is one of count');
  const isWanted = (block: number) => block >= from && block % shard.count === shard.index;
  let parts: Part[] = [], bad: BadRow[] = [];
  let row = 0;
  for await (const batch of batchesWithoutNulls(source, rowsOf(isWanted, size, limit), columns)) {
    const rows = typeof batch === 'number' ? batch : 'bad' in batch ? 1 : batch.numRows;
    for (let begin = 0; begin < rows && row < limit;) {
      const index = Math.floor(row / size);
      const count = Math.min(rows - begin, size - row % size, limit - row);
      if (typeof batch !== 'number' && isWanted(index)) {
        if ('bad' in batch) bad.push({ sample: row, reason: batch.bad });
        else parts.push({ batch, begin, end: begin + count });
      }
      begin += count;
      row += count;
      if (row % size > 0 || parts.length + bad.length === 0) continue;
      yield block(index, filling(parts, bad, options), bad, index * size, source, columns);
      [parts, bad] = [[], []];
    }
    if (row >= limit) break;
  }
  if (row === 0) throw new QuantpipeError('data-invalid', `${source.name} holds no samples`, { file: source.name });
  if (row < together) throw new QuantpipeError('data-invalid', `${source.name} holds ${row} ${row === 1 ? 'sample' : 'samples'}, the model reads ${together} at a time`, { file: source.name });
  if (parts.length + bad.length === 0) return;
  const last = Math.floor(row / size), kept = filling(parts, bad, options);
  if (kept.length + bad.length > 0) yield block(last, kept, bad, last * size, source, columns);
}

/** The samples of a block that fill whole runs of the model. */
function filling(parts: readonly Part[], { length: unreadable }: readonly BadRow[], { together = 1, onLeftOut }: BlockOptions): readonly Part[] {
  const leftOut = parts.reduce((sum, { begin, end }) => sum + end - begin, 0) % together;
  if (leftOut > 0) onLeftOut?.(leftOut, unreadable);
  return withoutLast(parts, leftOut);
}

/** All parts but the last `count` rows. */
function withoutLast(parts: readonly Part[], count: number): Part[] {
  const kept: Part[] = [];
  let left = parts.reduce((sum, { begin, end }) => sum + end - begin, 0) - count;
  for (const part of parts) {
    const end = Math.min(part.end, part.begin + left);
    if (end > part.begin) kept.push({ ...part, end });
    left -= end - part.begin;
  }
  return kept;
}

/** Whether some block that holds the samples `begin` to `end` is wanted. */
function rowsOf(isWanted: (block: number) => boolean, size: number, limit: number): IsWanted {
  return (begin, end) => {
    for (let block = Math.floor(begin / size); block * size < Math.min(end, limit); block++) if (isWanted(block)) return true;
    return false;
  };
}

/** Samples that {@link blocks} will yield; null where the source does not know its length. */
export function sampleCount({ rows }: Source, { size, limit = Infinity, shard = { index: 0, count: 1 }, from = 0, together = 1 }: BlockOptions): number | null {
  if (rows === null) return null;
  const all = Math.floor(Math.min(rows, limit) / together) * together;
  const full = Math.floor(all / size), last = all % size;
  const oursBefore = (block: number) => Math.max(0, Math.ceil((block - shard.index) / shard.count));
  const isLastOurs = full >= from && full % shard.count === shard.index;
  return (oursBefore(full) - oursBefore(Math.min(from, full))) * size + (isLastOurs ? last : 0);
}

interface Part {
  readonly batch: RecordBatch;
  readonly begin: number;
  readonly end: number;
}

type BadRow = Block['bad'][number];

function block(index: number, parts: readonly Part[], bad: readonly BadRow[], first: number, source: Source, wanted?: readonly string[]): Block {
  if (parts.length === 0) return { index, rows: 0, bytes: new ArrayBuffer(0), bad };
  const { fields } = parts[0]!.batch.schema;
  const kept = [...fields.keys()].filter(i => (wanted ? wanted.includes(fields[i]!.name) : columnOf(fields[i]!, source.name) !== null));
  const columns = kept.map(i => {
    return concatRows(parts.map(({ batch, ...part }) => ({ ...part, data: batch.data.children[i]! })), `column '${fields[i]!.name}' of ${source.name}`);
  });
  const batch = recordBatch(kept.map(i => fields[i]!), columns, new Map([[FIRST_SAMPLE_KEY, String(first)], ...(bad.length === 0 ? [] : [[LEFT_OUT_KEY, bad.map(({ sample }) => sample).join()] as const])]));
  return { index, rows: batch.numRows, bytes: toIpc(batch), bad };
}
