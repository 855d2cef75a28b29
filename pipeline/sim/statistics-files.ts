import { readFile } from 'node:fs/promises';

import { QuantpipeError } from '../base/errors.ts';
import { unreadable } from '../base/text-file.ts';
import { Kernels } from '../kernels/index.ts';
import { mergeStatistics } from '../observers/merge.ts';
import type { Statistics } from '../observers/statistics.ts';

export async function readStatisticsFile(path: string): Promise<Statistics> {
  const bytes = await readFile(path).catch(cause => { throw unreadable(path, cause, { noun: 'the statistics', hint: 'observe and merge write such files, and run one as statistics.arrow' }); });
  const { readStatistics } = await import('../data/index.ts'); // with apache-arrow
  return readStatistics(bytes, path);
}

/** Add up the statistics of several files, one file in memory at a time. The order of the files does not matter. */
export async function mergeStatisticsFiles(paths: readonly string[]): Promise<Statistics> {
  const kernels = await Kernels.load();
  let merged: Statistics | null = null;
  for (const path of paths) {
    const statistics = await readStatisticsFile(path);
    try {
      merged = merged === null ? statistics : mergeStatistics(kernels, merged, statistics);
    } catch (cause) {
      if (!(cause instanceof QuantpipeError)) throw cause;
      throw new QuantpipeError(cause.code, `'${path}' does not add up with '${paths[0]}': ${cause.message}`, cause.context, { cause });
    }
  }
  if (merged === null) throw new QuantpipeError('statistics-missing', 'there are no statistics to merge');
  return merged;
}
