import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

import { QuantpipeError } from '../base/errors.ts';
import { unreadable } from '../base/text-file.ts';
import { Kernels } from '../kernels/index.ts';
import { mergeStatistics } from '../observers/merge.ts';
import type { Statistics } from '../observers/statistics.ts';

/** What '-' reads: a program's standard input. */
export interface StatisticsInput {
  readonly stdin?: AsyncIterable<Uint8Array>;
}

/** @throws file-unreadable; statistics-invalid */
export async function readStatisticsFile(path: string, { stdin }: StatisticsInput = {}): Promise<Statistics> {
  return parsed(await bytesOf(path, stdin), path);
}

async function bytesOf(path: string, stdin?: AsyncIterable<Uint8Array>): Promise<Buffer> {
  if (path === '-' && stdin !== undefined) return buffer(stdin);
  return readFile(path).catch(cause => { throw unreadable(path, cause, { noun: 'the statistics', hint: 'observe and merge write such files, and run one as statistics.arrow' }); });
}

async function parsed(bytes: Buffer, path: string): Promise<Statistics> {
  const { readStatistics } = await import('../data/index.ts'); // with apache-arrow
  return readStatistics(bytes, path);
}

export interface MergeOptions extends StatisticsInput {
  /** Told how many samples of the whole are in none of its shards, where all are there. */
  readonly onLeftOut?: (samples: number, total: number) => void;
}

/**
 * Add up the statistics of several files, one file in memory at a time. The order of the files does not matter.
 *
 * @throws statistics-invalid where they do not add up: of another model, or the same samples again
 */
export async function mergeStatisticsFiles(paths: readonly string[], { onLeftOut, stdin }: MergeOptions = {}): Promise<Statistics> {
  const kernels = await Kernels.load();
  let merged: Statistics | null = null, total: number | null = null;
  const seen = new Map<string, string>();
  for (const path of paths) {
    const bytes = await bytesOf(path, stdin);
    const statistics = await parsed(bytes, path);
    total ??= statistics.shards?.total ?? null;
    refuseAgain(seen, statistics, createHash('sha256').update(bytes).digest('hex'), path);
    try {
      merged = merged === null ? statistics : mergeStatistics(kernels, merged, statistics);
    } catch (cause) {
      if (!(cause instanceof QuantpipeError)) throw cause;
      throw new QuantpipeError(cause.code, `'${path}' does not add up with '${paths[0]}': ${cause.message}`, cause.context, { cause });
    }
  }
  if (merged === null) throw new QuantpipeError('statistics-missing', 'there are no statistics to merge');
  if (merged.shards === null && total !== null && merged.samples < total) onLeftOut?.(total - merged.samples, total);
  return merged;
}

/** One file given twice, under whatever names, or a copy of it would count its samples twice. Two files without samples may well be the same. */
function refuseAgain(seen: Map<string, string>, { samples }: Statistics, digest: string, path: string): void {
  const first = seen.get(digest);
  seen.set(digest, path);
  if (first === undefined || samples === 0) return;
  const how = first === path ? `'${path}' is given twice` : `'${path}' holds the same bytes as '${first}'`;
  throw new QuantpipeError('statistics-invalid', `${how}: its ${samples} samples would count twice; leave one out`, { file: path });
}
