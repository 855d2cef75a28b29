import { open, type FileHandle } from 'node:fs/promises';

import { QuantpipeError } from '../base/errors.ts';
import { unreadable } from '../base/text-file.ts';

/** Bytes in order, as many as are asked for at a time. */
export interface ByteReader {
  /** How messages call it. */
  readonly name: string;
  /** Offset of the next byte. */
  readonly position: number;
  /** Bytes that are left, where that is known. */
  readonly left: number | null;
  /** The next `count` bytes in a buffer of their own, or as many as there are. */
  upTo(count: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Pass over so many bytes, or as many as there are, keeping none; gives their number. */
  skip(count: number): Promise<number>;
}

/** The next `count` bytes; `data-invalid` where there are fewer. Nothing is allocated that the file cannot fill. */
export async function take(reader: ByteReader, count: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
  const at = reader.position;
  if (reader.left !== null && reader.left < count) throw truncated(reader.name, what, at, count, reader.left);
  const bytes = await reader.upTo(count);
  if (bytes.length < count) throw truncated(reader.name, what, at, count, bytes.length);
  return bytes;
}

/** Pass over `count` bytes; `data-invalid` where there are fewer. */
export async function passOver(reader: ByteReader, count: number, what: string): Promise<void> {
  const at = reader.position;
  const passed = await reader.skip(count);
  if (passed < count) throw truncated(reader.name, what, at, count, passed);
}

function truncated(name: string, what: string, offset: number, needed: number, left: number): QuantpipeError {
  return new QuantpipeError('data-invalid', `${name} is cut short: ${what} needs ${needed} bytes, ${left} are left`, { file: name, offset });
}

/** Bytes of known number that can be read at any offset. They must be closed. */
export interface StoredBytes {
  /** How messages call them: the path or address. */
  readonly name: string;
  readonly size: number;
  /** Which bytes they are, in words, where they may be others the next time; null for files. */
  readonly version: string | null;
  /** A reader of the bytes from `position` on. */
  from(position: number): ByteReader;
  close(): Promise<void>;
}

/** A file read piece by piece. */
export class FileBytes implements StoredBytes {
  readonly name: string;
  readonly size: number;
  readonly version = null;
  readonly #handle: FileHandle;

  private constructor(name: string, handle: FileHandle, size: number) {
    this.name = name;
    this.#handle = handle;
    this.size = size;
  }

  /** @throws file-unreadable naming the system's reason */
  static async open(path: string): Promise<FileBytes> {
    try {
      const handle = await open(path);
      const { size } = await handle.stat();
      return new FileBytes(path, handle, size);
    } catch (cause) {
      throw unreadable(path, cause);
    }
  }

  from(position: number): ByteReader {
    const file = this;
    return {
      name: this.name,
      get position() { return position; },
      get left() { return file.size - position; },
      async upTo(count) {
        const bytes = await file.#read(position, count);
        position += bytes.length;
        return bytes;
      },
      async skip(count) {
        const passed = Math.min(count, file.size - position);
        position += passed;
        return passed;
      },
    };
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #read(position: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(Math.max(0, Math.min(count, this.size - position)));
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await this.#handle.read(bytes, filled, bytes.length - filled, position + filled);
      if (bytesRead === 0) break; // the file shrank while it was read
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  }
}

/** Bytes of a stream, in order. What arrived and was not yet asked for is kept, and no more. Closing it ends the stream. */
export function streamBytes(name: string, chunks: AsyncIterable<Uint8Array>, size: number | null = null): ByteReader & { close(): Promise<void> } {
  const incoming = chunks[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array(0);
  let position = 0;

  /** The next bytes as they arrived, in pieces that share memory with the stream's. */
  async function* pieces(count: number): AsyncGenerator<Uint8Array> {
    for (let missing = count; missing > 0;) {
      if (held.length === 0) {
        const { done, value } = await incoming.next();
        if (done) return;
        held = value;
      }
      const piece = held.subarray(0, missing);
      held = held.subarray(piece.length);
      missing -= piece.length;
      position += piece.length;
      yield piece;
    }
  }

  return {
    name,
    get position() { return position; },
    get left() { return size === null ? null : size - position; },
    async upTo(count) {
      const all: Uint8Array[] = [];
      for await (const piece of pieces(count)) all.push(piece);
      return joined(all);
    },
    async skip(count) {
      let passed = 0;
      for await (const { length } of pieces(count)) passed += length;
      return passed;
    },
    async close() { await incoming.return?.(); },
  };
}

/** How far ahead a buffered reader reads: this much at first and where it has just passed over something, twice as much each time it goes on, up to the most. */
const FIRST_AHEAD = 1 << 12, MOST_AHEAD = 1 << 18;

/** A reader that reads ahead, for formats of many small parts: each reading costs a trip to another thread. */
export function buffered(reader: ByteReader, first = FIRST_AHEAD, most = MOST_AHEAD): ByteReader {
  let held: Uint8Array = new Uint8Array(0), ahead = first;
  return {
    name: reader.name,
    get position() { return reader.position - held.length; },
    get left() { return reader.left === null ? null : reader.left + held.length; },
    async upTo(count) {
      const missing = count - held.length;
      if (missing <= 0) {
        const taken = held.slice(0, count) as Uint8Array<ArrayBuffer>;
        held = held.subarray(count);
        return taken;
      }
      const read = await reader.upTo(Math.max(missing, ahead));
      ahead = Math.min(2 * ahead, most);
      const taken = held.length === 0 && read.length <= missing ? read : joined([held, read.subarray(0, missing)]);
      held = read.subarray(missing);
      return taken;
    },
    async skip(count) {
      const passed = Math.min(count, held.length);
      held = held.subarray(passed);
      if (passed === count) return passed;
      ahead = first;
      return passed + await reader.skip(count - passed);
    },
  };
}

/** Pieces as one buffer. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
