import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { writeAtomically } from '../base/atomic-file.ts';
import { temporaryFolder } from '../base/temporary-folder.ts';
import { WEIGHTS } from './plan.ts';

/** A temporary folder with the weights of a model that is too large for one file, for an engine to read them there. It must be removed. */
export async function weightsFolder(weights: () => Iterable<Uint8Array>): Promise<string> {
  const folder = await temporaryFolder('quantpipe-weights');
  try {
    await writeAtomically(join(folder, WEIGHTS), weights());
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
