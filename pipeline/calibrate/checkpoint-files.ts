import { rm } from 'node:fs/promises';

import { lockFile } from './lock-file.ts';

/**
 * Keep other processes off a checkpoint until the function returned is called.
 *
 * @throws `checkpoint-mismatch` naming the process that uses it
 */
export function lockCheckpoint(path: string): Promise<() => Promise<void>> {
  return lockFile(`${path}.lock`);
}

/** Remove a checkpoint whose work is done, and its journal. */
export async function removeCheckpoint(path: string): Promise<void> {
  for (const file of [path, `${path}.journal`]) await rm(file, { force: true });
}
