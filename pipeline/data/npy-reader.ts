import { basename } from 'node:path';

import { readNpyHeader } from './npy-header.ts';
import { openBytes } from './open-bytes.ts';
import { arraysSource, checkSize, type StoredArray } from './stored-arrays.ts';
import type { StoredSource } from './source.ts';

/** A .npy file whose leading axis counts samples: one column, of the file's name where it is given no other. */
export async function npySource(path: string, column = columnOf(path)): Promise<StoredSource> {
  return arraysSource(path, [{ ...await npyArray(path), name: column }]);
}

/** The column that an array becomes which nobody named otherwise. */
function columnOf(path: string): string {
  return basename(path, '.npy');
}

/** A .npy file as an array that can be opened for reading. */
export async function npyArray(path: string): Promise<StoredArray> {
  const file = await openBytes(path);
  try {
    const reader = file.from(0), { version } = file;
    const header = await readNpyHeader(reader);
    checkSize(path, header, file.size - reader.position);
    return { name: columnOf(path), where: path, ...header, open: () => openNpy(path, version, reader.position) };
  } finally {
    await file.close();
  }
}

async function openNpy(path: string, version: string | null, begin: number): Promise<Awaited<ReturnType<StoredArray['open']>>> {
  const file = await openBytes(path, version);
  return { reader: file.from(begin), close: () => file.close() };
}
