import { readFile, rm } from 'node:fs/promises';

import { lockFile, type LockOptions } from './lock-file.ts';

/**
 * Keep other processes off a checkpoint until the function returned is called.
 *
 * @throws `checkpoint-mismatch` naming the process that uses it
 */
export function lockCheckpoint(path: string, options: Pick<LockOptions, 'signal' | 'onWait'> = {}): Promise<() => Promise<void>> {
  return lockFile(`${path}.lock`, options);
}

/** How many samples a checkpoint holds; null where it is none. */
export async function samplesKept(path: string): Promise<number | null> {
  const { CHECKPOINT_KEY, readNotedStatistics } = await import('../data/index.ts'); // with apache-arrow
  return readFile(path).then(bytes => readNotedStatistics(bytes, path, CHECKPOINT_KEY).statistics.samples).catch(() => null);
}

/** Remove a checkpoint whose work is done, and its journal. */
export async function removeCheckpoint(path: string): Promise<void> {
  for (const file of [path, `${path}.journal`]) await rm(file, { force: true });
}
