import { readdir, stat } from 'node:fs/promises';
import { dirname, basename, join } from 'node:path';

import { QuantpipeError } from '../base/errors.ts';
import { unreadable } from '../base/text-file.ts';

/** Names of data files in a folder; others (README, _SUCCESS, checksums) are passed over. */
const DATA_NAME = /\.(parquet|arrow|arrows|feather|ipc|npz|tar)$/i;

/** The data files of a folder, in the order of their names by code unit. */
export async function dataFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(cause => { throw unreadable(folder, cause); });
  return names.filter(name => DATA_NAME.test(name) && !/^[._]/.test(name)).sort().map(name => join(folder, name));
}

/** Names of files that are a sample or a column of their folder. */
const ARRAY_NAME = /\.(npy|pb)$/i;

/** The files that data are read from, as their path tells: none of an address or a stream. What cannot be listed is told of where it is opened. */
export async function filesOfData(path: string): Promise<string[]> {
  const info = await stat(path).catch(() => null);
  if (info?.isFile()) return [path];
  if (info === null) return isPattern(path) ? matchingFiles(path).catch(() => []) : [];
  const names = info.isDirectory() ? await readdir(path).catch(() => []) : [];
  return names.filter(name => DATA_NAME.test(name) || ARRAY_NAME.test(name)).map(name => join(path, name));
}

/** Whether a path is a pattern of names: `*` stands for any characters but '/', `?` for one. */
export function isPattern(path: string): boolean {
  return /[*?]/.test(path);
}

/** The files that a pattern stands for, in the order of their names by code unit. */
export async function matchingFiles(pattern: string): Promise<string[]> {
  const found = (await matches(pattern)).sort();
  const files: string[] = [];
  for (const path of found) if ((await stat(path)).isFile()) files.push(path);
  if (files.length === 0) throw new QuantpipeError('file-unreadable', `cannot read ${pattern}: no file has such a name`, { file: pattern });
  return files;
}

async function matches(pattern: string): Promise<string[]> {
  if (!isPattern(pattern)) return [pattern];
  const name = new RegExp(`^${basename(pattern).replaceAll(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`);
  const found: string[] = [];
  for (const folder of await matches(dirname(pattern))) {
    const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOTDIR' || (cause.code === 'ENOENT' && isPattern(dirname(pattern)))) return [];
      throw unreadable(folder, cause);
    });
    found.push(...names.filter(entry => name.test(entry) && !entry.startsWith('.')).map(entry => join(folder, entry)));
  }
  return found;
}
