import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { QuantpipeError } from './errors.ts';

/** What a file shall hold: all of it, or pieces that are made as they are written. */
export type FileContent = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Write a file beside its place, then rename it there: readers see the old file or the whole new one. After an error the
 * old file is as it was, and nothing is left beside it. The folder is made where it is missing.
 */
export async function writeAtomically(path: string, content: FileContent): Promise<void> {
  await writeAllAtomically([[path, content]]);
}

/** The same for files that belong together: none takes its place before all are written, in this order. */
export async function writeAllAtomically(files: readonly (readonly [path: string, content: FileContent])[]): Promise<void> {
  const staged: [temporary: string, path: string][] = [];
  try {
    for (const [path, content] of files) {
      const temporary = `${path}.${process.pid}-${serial++}.tmp`;
      await attempt(path, () => makeFolder(dirname(path)));
      const file = await attempt(path, () => open(temporary, 'wx'));
      staged.push([temporary, path]);
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
 */
export async function makeFolder(path: string): Promise<void> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (info === null) {
    if (dirname(path) !== path) await makeFolder(dirname(path));
    await mkdir(path).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'EEXIST') throw error; });
  } else if (!info.isDirectory()) throw Object.assign(new Error(`ENOTDIR: '${path}' is a file`), { code: 'ENOTDIR' });
}

/** Tells apart the temporary files of one process. */
let serial = 0;

/** One write call may not reach 2 GiB. */
const PIECE_BYTES = 2 ** 26;

async function writePieces(file: FileHandle, path: string, content: FileContent): Promise<void> {
  try {
    for await (const piece of piecesOf(content)) {
      for (let at = 0; at < piece.length; at += PIECE_BYTES) await attempt(path, () => file.writeFile(piece.subarray(at, at + PIECE_BYTES)));
    }
    await attempt(path, () => file.sync());
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
    throw new QuantpipeError('output-unwritable', `cannot write ${path}: ${(cause as Error).message}`, { file: path }, { cause });
  }
}
