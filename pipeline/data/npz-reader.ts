import { openPromise, type Entry, type ZipFile } from 'yauzl';

import { QuantpipeError } from '../base/errors.ts';
import { streamBytes, type ByteReader } from './byte-reader.ts';
import { crc32 } from './crc32.ts';
import { readNpyHeader } from './npy-header.ts';
import { arraysSource, checkSize, type OpenArray, type StoredArray } from './stored-arrays.ts';
import type { StoredSource } from './source.ts';

/** Deflate shrinks at most so much; an entry that declares more is lying about its size. */
const MAX_DEFLATE_RATIO = 1032;

/** A .npz archive: a column for each array in it, named as numpy.savez names them, read entry by entry without unpacking. @param wanted as of {@link arraysSource} */
export async function npzSource(path: string, wanted: readonly string[] = []): Promise<StoredSource> {
  const entries = await listEntries(path);
  if (entries.length === 0) throw new QuantpipeError('data-invalid', `${path} holds no .npy arrays`, { file: path });
  const arrays: StoredArray[] = [];
  for (const entry of entries) arrays.push(await entryArray(path, entry));
  return arraysSource(path, arrays, wanted);
}

async function listEntries(path: string): Promise<Entry[]> {
  return guarded(path, async () => {
    const zip = await openPromise(path, { lazyEntries: true, autoClose: false });
    try {
      const entries: Entry[] = [];
      for await (const entry of zip.eachEntry()) if (entry.fileName.endsWith('.npy')) entries.push(entry);
      return entries;
    } finally {
      zip.close();
    }
  });
}

async function entryArray(path: string, entry: Entry): Promise<StoredArray> {
  const where = `${path}/${entry.fileName}`;
  const { compressedSize, uncompressedSize } = entry;
  if (uncompressedSize > (compressedSize + 1) * MAX_DEFLATE_RATIO) {
    throw new QuantpipeError('data-invalid', `${where}: ${uncompressedSize} bytes are declared, ${compressedSize} compressed ones cannot hold them`, { file: path });
  }
  const opened = await openEntry(path, entry, where);
  try {
    const header = await readNpyHeader(opened.reader);
    checkSize(where, header, uncompressedSize - opened.reader.position);
    return { name: entry.fileName.slice(0, -'.npy'.length), where, ...header, open: () => openAtValues(path, entry, where) };
  } finally {
    await opened.close();
  }
}

async function openAtValues(path: string, entry: Entry, where: string): Promise<OpenArray> {
  const opened = await openEntry(path, entry, where);
  try {
    await readNpyHeader(opened.reader);
    return opened;
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function openEntry(path: string, entry: Entry, where: string): Promise<OpenArray> {
  return guarded(path, async () => {
    const zip: ZipFile = await openPromise(path, { lazyEntries: true, autoClose: false });
    const stream = await zip.openReadStreamPromise(entry).catch(error => {
      zip.close();
      throw error;
    });
    const reader = streamBytes(where, checked(stream, entry, where), entry.uncompressedSize);
    const upTo: ByteReader['upTo'] = count => guarded(path, () => reader.upTo(count));
    const skip: ByteReader['skip'] = count => guarded(path, () => reader.skip(count));
    return {
      reader: { name: where, get position() { return reader.position; }, get left() { return reader.left; }, upTo, skip },
      async close() {
        stream.destroy();
        zip.close();
      },
    };
  });
}

/** The bytes of an entry, whose last piece comes only if all of them have the checksum that the archive says. */
async function* checked(stream: AsyncIterable<Uint8Array>, { uncompressedSize, crc32: expected }: Entry, where: string): AsyncGenerator<Uint8Array> {
  let checksum = 0, seen = 0;
  for await (const bytes of stream) {
    checksum = crc32(bytes, checksum);
    seen += bytes.length;
    if (seen >= uncompressedSize && checksum !== expected) {
      throw new QuantpipeError('data-invalid', `${where} is damaged: its bytes have the checksum ${hex(checksum)}, the archive says ${hex(expected)}; make or copy the file anew`, { file: where });
    }
    yield bytes;
  }
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}

/** What yauzl and zlib refuse is the data's fault. */
async function guarded<T>(path: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    if (cause instanceof QuantpipeError) throw cause;
    throw new QuantpipeError('data-invalid', `${path} is not a valid .npz archive: ${cause instanceof Error ? cause.message : String(cause)}`, { file: path }, { cause });
  }
}
