import type { RecordBatch, Schema } from 'apache-arrow';
import { Footer } from 'apache-arrow/ipc/metadata/file';

import { QuantpipeError } from '../base/errors.ts';
import { checkFooter } from './flatbuffer-bounds.ts';
import { buffered, passOver, take, type ByteReader, type StoredBytes } from './byte-reader.ts';
import { registerCodecs } from './codecs.ts';
import { columnsOf } from './column.ts';
import { MessageDecoder, decoding, malformed, readBody, readMessageHead, readNextHead, schemaMessage, type IpcHead } from './ipc-messages.ts';
import { openBytes } from './open-bytes.ts';
import { skippable } from './record-batches.ts';
import type { IsWanted, StoredSource } from './source.ts';

/** Both ends of an Arrow IPC file; a stream begins with a message instead. */
export const ARROW_MAGIC = 'ARROW1';
/** The magic at a file's start is padded to 8 bytes; its end is the footer's int32 length and the magic. */
const HEADER_BYTES = 8;
const TRAILER_BYTES = 10;
/** Counting rows reads the metadata of every batch; a file cut finer than this is not counted beforehand. */
const MAX_BATCHES_COUNTED = 10_000;

/** An Arrow IPC file, read batch by batch at the offsets of its footer. */
export async function arrowFileSource(path: string): Promise<StoredSource> {
  registerCodecs();
  const file = await openBytes(path);
  try {
    const { version } = file;
    const footer = await readFooter(file);
    const rows = await countRows(file, footer);
    return { name: path, rows, schema: footer.schema, columns: columnsOf(footer.schema, path), batches: skippable(isWanted => fileBatches(path, version, isWanted)) };
  } finally {
    await file.close();
  }
}

/** An Arrow IPC stream that is a file: each reading begins anew. */
export async function arrowStreamFileSource(path: string): Promise<StoredSource> {
  registerCodecs();
  const file = await openBytes(path);
  try {
    const { version } = file;
    const { schema } = await openStream(file.from(0));
    return { name: path, rows: null, schema, columns: columnsOf(schema, path), batches: skippable(isWanted => streamFileBatches(path, version, isWanted)) };
  } finally {
    await file.close();
  }
}

/**
 * An Arrow IPC stream that can be read once: standard input. It is closed when reading ends, early too, so that whoever
 * writes to it is not waited for.
 */
export async function arrowStreamSource(reader: ByteReader & { close(): Promise<void> }): Promise<StoredSource> {
  registerCodecs();
  try {
    const decoder = await openStream(reader);
    const columns = columnsOf(decoder.schema, reader.name);
    return { name: reader.name, rows: null, schema: decoder.schema, columns, batches: skippable(isWanted => closing(reader, streamBatches(reader, decoder, isWanted))) };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

async function* closing<T>(reader: { close(): Promise<void> }, items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items;
  } finally {
    await reader.close();
  }
}

async function* streamFileBatches(path: string, version: string | null, isWanted: IsWanted): AsyncGenerator<RecordBatch | number> {
  const file = await openBytes(path, version);
  try {
    const reader = buffered(file.from(0));
    yield* streamBatches(reader, await openStream(reader), isWanted);
  } finally {
    await file.close();
  }
}

async function openStream(reader: ByteReader): Promise<MessageDecoder> {
  const head = await readMessageHead(reader);
  if (head === null) throw malformed(reader.name, new Error('it holds no message'));
  return new MessageDecoder(reader.name, await readBody(reader, head));
}

/** Streams may follow each other, as where files were joined: each has its own dictionaries, and the columns of the first. */
async function* streamBatches(reader: ByteReader, first: MessageDecoder, isWanted: IsWanted): AsyncGenerator<RecordBatch | number> {
  let row = 0, decoder = first;
  for (let head = await readNextHead(reader); head; head = await readNextHead(reader)) {
    if (head.message.isSchema()) {
      decoder = await followingStream(reader, head, first);
      continue;
    }
    const read = await readOrSkip(reader, head, decoder, row, isWanted);
    if (read === null) continue;
    row += rowsIn(read);
    yield read;
  }
}

async function followingStream(reader: ByteReader, head: IpcHead, first: MessageDecoder): Promise<MessageDecoder> {
  const decoder = new MessageDecoder(reader.name, await readBody(reader, head));
  const [before, now] = [first, decoder].map(({ schema }) => schema.fields.map(({ name, type }) => `${name} ${type}`).join(', '));
  if (before === now) return decoder;
  throw new QuantpipeError('data-invalid', `${reader.name} goes on with another stream, of other columns (${now}) than the first (${before}): give them one by one`, { file: reader.name });
}

async function* fileBatches(path: string, version: string | null, isWanted: IsWanted): AsyncGenerator<RecordBatch | number> {
  const file = await openBytes(path, version);
  try {
    const footer = await readFooter(file);
    const decoder = new MessageDecoder(path, schemaMessage(path, footer.schema));
    let row = 0, reader = buffered(file.from(0));
    for (const offset of [...footer.dictionaries, ...footer.batches]) {
      if (offset < reader.position) reader = buffered(file.from(offset));
      else await reader.skip(offset - reader.position);
      const read = await readOrSkip(reader, await readHeadAt(file, reader, offset), decoder, row, isWanted);
      if (read === null) continue;
      row += rowsIn(read);
      yield read;
    }
  } finally {
    await file.close();
  }
}

async function readHeadAt(file: StoredBytes, reader: ByteReader, offset: number): Promise<IpcHead> {
  const head = offset >= HEADER_BYTES ? await readMessageHead(reader) : null;
  if (head === null) throw malformed(file.name, new Error(`its footer names a message at byte ${offset} of ${file.size}, where there is none`));
  return head;
}

/** The record batch of a message, or only its number of rows where they are not wanted; null for a dictionary. */
async function readOrSkip(reader: ByteReader, head: IpcHead, decoder: MessageDecoder, row: number, isWanted: IsWanted): Promise<RecordBatch | number | null> {
  const { message } = head;
  const rows = message.isRecordBatch() ? message.header().length : 0;
  if (!message.isRecordBatch() || isWanted(row, row + rows)) return decoder.decode(await readBody(reader, head));
  await passOver(reader, message.bodyLength, 'the body of an Arrow message');
  return rows;
}

function rowsIn(read: RecordBatch | number): number {
  return typeof read === 'number' ? read : read.numRows;
}

/** What a footer says: the schema, and at which offsets the messages are. */
interface Directory {
  readonly schema: Schema;
  readonly dictionaries: readonly number[];
  readonly batches: readonly number[];
}

async function readFooter(file: StoredBytes): Promise<Directory> {
  const least = HEADER_BYTES + TRAILER_BYTES;
  if (file.size < least) throw new QuantpipeError('data-invalid', `${file.name} is cut short: an Arrow file needs ${least} bytes, it has ${file.size}`, { file: file.name });
  const trailer = await take(file.from(file.size - TRAILER_BYTES), TRAILER_BYTES, 'the end of an Arrow file');
  const magic = new TextDecoder('latin1').decode(trailer.subarray(4));
  if (magic !== ARROW_MAGIC) throw new QuantpipeError('data-invalid', `${file.name} is cut short: an Arrow file ends with ${ARROW_MAGIC}, this one of ${file.size} bytes does not`, { file: file.name });
  const length = new DataView(trailer.buffer).getInt32(0, true);
  const room = file.size - least;
  if (length <= 0 || length > room) throw new QuantpipeError('data-invalid', `${file.name}: a footer of ${length} bytes is declared, there is room for ${room}`, { file: file.name });
  const bytes = await take(file.from(file.size - TRAILER_BYTES - length), length, 'the footer of an Arrow file');
  return decoding(file.name, () => {
    checkFooter(bytes);
    const footer = Footer.decode(bytes);
    return { schema: footer.schema, dictionaries: offsets(footer.dictionaryBatches()), batches: offsets(footer.recordBatches()) };
  });
}

function offsets(blocks: Iterable<{ readonly offset: number }>): number[] {
  return Array.from(blocks, ({ offset }) => offset);
}

async function countRows(file: StoredBytes, footer: Directory): Promise<number | null> {
  if (footer.batches.length > MAX_BATCHES_COUNTED) return null;
  let rows = 0;
  for (const offset of footer.batches) {
    const { message } = await readHeadAt(file, file.from(offset), offset);
    if (!message.isRecordBatch()) throw malformed(file.name, new Error(`its footer names a record batch at byte ${offset}, where there is none`));
    rows += message.header().length;
  }
  return rows;
}
