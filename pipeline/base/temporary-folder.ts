import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { hasEnded, MARK, processMark } from './process-mark.ts';

/**
 * A temporary folder, which must be removed. Those of the same kind that processes left which were killed are removed first: they may hold the
 * weights of a model.
 *
 * @param kind the first part of its name, as in 'quantpipe-weights'
 */
export async function temporaryFolder(kind: string, parent = tmpdir()): Promise<string> {
  const pattern = new RegExp(`^${kind}-(${MARK})-[^-]+$`);
  for (const name of await readdir(parent)) {
    const mark = pattern.exec(name)?.[1];
    if (mark !== undefined && await hasEnded(mark)) await rm(join(parent, name), { recursive: true, force: true }).catch(() => {}); // another user's
  }
  return mkdtemp(join(parent, `${kind}-${await processMark()}-`));
}
