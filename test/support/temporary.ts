import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Run `body` with an empty folder that is gone afterwards. */
export async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'quantpipe-')));
  try {
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Names in a folder; the content of a file in its place; nothing where there is neither. */
export async function filesIn(path: string): Promise<string[]> {
  return readdir(path).catch(async () => [await readFile(path, 'utf8')]).catch(() => []);
}
