import { rm } from 'node:fs/promises';

import { lockFile, type LockOptions } from './lock-file.ts';

/**
 * Keep other processes off a checkpoint until the function returned is called.
 *
 * @throws `checkpoint-mismatch` naming the process that uses it
 */
export function lockCheckpoint(path: string, options: Pick<LockOptions, 'signal' | 'onWait'> = {}): Promise<() => Promise<void>> {
  return lockFile(`${path}.lock`, options);
}

/** Remove a checkpoint whose work is done, and its journal. */
export async function removeCheckpoint(path: string): Promise<void> {
  for (const file of [path, `${path}.journal`]) await rm(file, { force: true });
}
