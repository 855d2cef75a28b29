import { randomUUID } from 'node:crypto';
import { type FileHandle, lstat, mkdir, open, readdir, readlink, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { QuantpipeError } from './errors.ts';
import { hasEnded, MARK, processMark } from './process-mark.ts';

/** What a file shall hold: all of it, or pieces that are made as they are written. */
export type FileContent = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Write a file beside its place, then rename it there: readers see the old file or the whole new one. After an error the
 * old file is as it was, and nothing is left beside it; what a killed process left there is removed by the next. The folder is made where it is missing. A symbolic link stays, and the file that it
 * leads to is written; what is no file (a device, a named pipe) is written to as it is.
 */
export async function writeAtomically(path: string, content: FileContent): Promise<void> {
  await writeAllAtomically([[path, content]]);
}

/** The same for files that belong together: none takes its place before all are written, in this order. */
export async function writeAllAtomically(files: readonly (readonly [path: string, content: FileContent])[]): Promise<void> {
  const staged: [temporary: string, path: string][] = [];
  try {
    const targets = [];
    for (const [path] of files) targets.push(await attempt(path, () => findTarget(path))); // all before any is written
    for (const [index, [path, content]] of files.entries()) {
      const target = targets[index]!;
      if (await isSpecial(target)) {
        await writePieces(await attempt(path, () => open(target, 'w')), path, content, false);
        continue;
      }
      const temporary = `${target}.${await processMark()}-${randomUUID()}.tmp`;
      await attempt(path, () => makeFolder(dirname(target)));
      await sweep(target);
      const file = await attempt(path, () => open(temporary, 'wx'));
      staged.push([temporary, target]);
      await writePieces(file, path, content);
    }
    for (const [temporary, path] of staged) await attempt(path, () => rename(temporary, path));
    for (const folder of new Set(files.map(([path]) => dirname(path)))) await syncFolder(folder);
  } finally {
    for (const [temporary] of staged) await rm(temporary, { force: true });
  }
}

/**
 * Make a folder and those above it, one by one: Node's own `recursive` never comes back where a file system makes no folders (/proc).
 * Throws what the file system says.
 *
 * @returns those that were not there before, outermost first
 */
export async function makeFolder(path: string): Promise<string[]> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (info === null) {
    const above = dirname(path) !== path ? await makeFolder(dirname(path)) : [];
    const isMade = await mkdir(path).then(() => true, (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw error;
    });
    return isMade ? [...above, path] : above;
  }
  if (!info.isDirectory()) throw Object.assign(new Error(`ENOTDIR: '${path}' is a file`), { code: 'ENOTDIR' });
  return [];
}

/** Remove what processes that were killed left beside a file, half written. */
async function sweep(target: string): Promise<void> {
  const folder = dirname(target), start = `${basename(target)}.`;
  for (const name of await readdir(folder).catch(() => [])) {
    const mark = name.startsWith(start) ? LEFT.exec(name.slice(start.length))?.[1] : undefined;
    if (mark !== undefined && await hasEnded(mark)) await rm(join(folder, name), { force: true }).catch(() => {}); // another user's
  }
}

const LEFT = new RegExp(`^(${MARK})-[0-9a-f-]{36}\\.tmp$`);

/** What is to be written for a path: no folder, which would be found only when the files before it have been replaced. */
async function findTarget(path: string): Promise<string> {
  const target = await followLinks(path);
  if ((await lstat(target).catch(() => null))?.isDirectory()) throw new Error(`'${target}' is a folder`);
  return target;
}

/** Where a chain of symbolic links ends, be something there or not. */
async function followLinks(path: string, most = 40): Promise<string> {
  const link = await readlink(path).catch(() => null); // no link, or nothing there
  if (link === null) return path;
  if (most === 0) throw new Error('ELOOP: its symbolic links lead in a circle');
  return followLinks(resolve(dirname(path), link), most - 1);
}

/** Whether something is there that is neither a file nor a folder. */
async function isSpecial(path: string): Promise<boolean> {
  const info = await lstat(path).catch(() => null);
  return info !== null && !info.isFile() && !info.isDirectory();
}

/** One write call may not reach 2 GiB. */
const PIECE_BYTES = 2 ** 26;

async function writePieces(file: FileHandle, path: string, content: FileContent, isStored = true): Promise<void> {
  try {
    for await (const piece of piecesOf(content)) {
      for (let at = 0; at < piece.length; at += PIECE_BYTES) await attempt(path, () => file.writeFile(piece.subarray(at, at + PIECE_BYTES)));
    }
    if (isStored) await attempt(path, () => file.sync());
  } finally {
    await file.close();
  }
}

function piecesOf(content: FileContent): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (typeof content === 'string') return [new TextEncoder().encode(content)];
  return content instanceof Uint8Array ? [content] : content;
}

/** Make renames last through a power cut, where the system can (Windows cannot open folders). */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => null);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

/** Only what the file system says becomes output-unwritable; an error of the content itself passes as it is. */
async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/** `output-unwritable` with the reason that the system gave. */
export function unwritable(path: string, cause: unknown, what = path): QuantpipeError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = { EACCES: 'permission denied', EROFS: 'the file system is read-only', EEXIST: 'a file of that name is in the way', ENOTDIR: 'part of the path is a file', ENOSPC: 'the disk is full', ENOENT: 'nothing can be made there' };
  return new QuantpipeError('output-unwritable', `cannot write ${what}: ${reasons[code] ?? message}`, { file: path }, { cause });
}
