import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';

import { QuantpipeError } from '../base/errors.ts';
import { listedNames } from '../base/listed.ts';
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

/** What the user should know of a folder some of whose data files are read: those beside them, and in the folders next to them, that are not. */
export async function unreadNotices(folder: string, read: readonly string[]): Promise<string[]> {
  const isData = (name: string) => DATA_NAME.test(name) || ARRAY_NAME.test(name);
  const { files, folders } = await entriesOf(folder), found = [...files];
  for (const below of folders) found.push(...(await entriesOf(join(folder, below)).catch(() => ({ files: [] }))).files.map(name => join(below, name)));
  const isRead = new Set(read), unread = found.filter(name => isData(name) && !basename(name).startsWith('_') && !isRead.has(join(folder, name))).sort();
  return unread.length === 0 ? [] : [`${folder} holds ${unread.length} other data ${unread.length === 1 ? 'file' : 'files'} that ${unread.length === 1 ? 'is' : 'are'} not read: ${listedNames(unread)} (a pattern in quotes, such as '${folder}/**/*.parquet', reads files of one kind wherever they lie)`];
}

/** The files that data are read from, as their path tells: none of an address or a stream. What cannot be listed is told of where it is opened. */
export async function filesOfData(path: string): Promise<string[]> {
  const info = await stat(path).catch(() => null);
  if (info?.isFile()) return [path];
  if (info === null) return isPattern(path) ? matchingFiles(path).catch(() => []) : [];
  const names = info.isDirectory() ? await readdir(path).catch(() => []) : [];
  return names.filter(name => DATA_NAME.test(name) || ARRAY_NAME.test(name)).map(name => join(path, name));
}

/** Whether a path is a pattern of names: `*` stands for any characters but '/', `?` for one, and `**` as a folder for any folders or none. */
export function isPattern(path: string): boolean {
  return /[*?]/.test(path);
}

/** The files that a pattern stands for, in the order of their names by code unit. */
export async function matchingFiles(pattern: string): Promise<string[]> {
  const found = [...new Set(await matches(pattern))].sort();
  const files: string[] = [];
  for (const path of found) if ((await stat(path)).isFile()) files.push(path);
  if (files.length === 0) throw new QuantpipeError('file-unreadable', `cannot read ${pattern}: no file has such a name`, { file: pattern });
  return files;
}

async function matches(pattern: string): Promise<string[]> {
  if (!isPattern(pattern)) return [pattern];
  if (basename(pattern) === '**') return matchesBelow(dirname(pattern));
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

async function matchesBelow(pattern: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of await matches(pattern)) if ((await stat(path).catch(() => null))?.isDirectory()) found.push(...await foldersBelow(path));
  return found;
}

/** Names of a folder's files and of its folders, these in order, but for hidden ones. What links lead to counts; a broken one is a file. */
export async function entriesOf(folder: string): Promise<{ readonly files: readonly string[]; readonly folders: readonly string[] }> {
  const files: string[] = [], folders: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(cause => { throw unreadable(folder, cause); })) {
    if (entry.name.startsWith('.')) continue;
    const isFolder = entry.isSymbolicLink() ? (await stat(join(folder, entry.name)).catch(() => null))?.isDirectory() ?? false : entry.isDirectory();
    (isFolder ? folders : files).push(entry.name);
  }
  return { files, folders: folders.sort() };
}

/** Paths, from a folder on, of all files below it. @param within folders that it lies in: a link back to one of them is not followed */
export async function filesBelow(folder: string, within: readonly string[] = []): Promise<string[]> {
  const found: string[] = [];
  for (const at of await foldersBelow(folder, within)) for (const name of (await entriesOf(at)).files) found.push(relative(folder, join(at, name)));
  return found;
}

/** A folder and all folders below it. */
async function foldersBelow(folder: string, within: readonly string[] = []): Promise<string[]> {
  const real = await realpath(folder);
  if (within.includes(real)) return [];
  const found = [folder];
  for (const name of (await entriesOf(folder)).folders) found.push(...await foldersBelow(join(folder, name), [...within, real]));
  return found;
}
