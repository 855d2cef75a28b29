import { rm } from 'node:fs/promises';

/** Remove a checkpoint whose work is done, and its journal. */
export async function removeCheckpoint(path: string): Promise<void> {
  for (const file of [path, `${path}.journal`]) await rm(file, { force: true });
}
