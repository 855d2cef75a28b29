import type { Message, RecordBatch, Schema } from 'apache-arrow';
import { Footer } from 'apache-arrow/ipc/metadata/file';

import { QuantpipeError } from '../base/errors.ts';
import { FileBytes, take, type ByteReader } from './byte-reader.ts';
import { registerCodecs } from './codecs.ts';
import { columnsOf } from './column.ts';
import { checkFooter } from './flatbuffer-bounds.ts';
import { MessageDecoder, decoding, malformed, readMessage, readMetadata, schemaMessage } from './ipc-messages.ts';
import type { Source } from './source.ts';

/** Both ends of an Arrow IPC file; a stream begins with a message instead. */
export const ARROW_MAGIC = 'ARROW1';
/** The magic at a file's start is padded to 8 bytes; its end is the footer's int32 length and the magic. */
const HEADER_BYTES = 8;
const TRAILER_BYTES = 10;
/** Counting rows reads the metadata of every batch; a file cut finer than this is not counted beforehand. */
const MAX_BATCHES_COUNTED = 10_000;

/** An Arrow IPC file, read batch by batch at the offsets of its footer. */
export async function arrowFileSource(path: string): Promise<Source> {
  registerCodecs();
  const file = await FileBytes.open(path);
  try {
    const footer = await readFooter(file);
    const rows = await countRows(file, footer);
    return { name: path, rows, columns: columnsOf(footer.schema, path), batches: () => fileBatches(path) };
  } finally {
    await file.close();
  }
}

/** An Arrow IPC stream that is a file: each reading begins anew. */
export async function arrowStreamFileSource(path: string): Promise<Source> {
  registerCodecs();
  const file = await FileBytes.open(path);
  try {
    const { schema } = await openStream(file.from(0));
    return { name: path, rows: null, columns: columnsOf(schema, path), batches: () => streamFileBatches(path) };
  } finally {
    await file.close();
  }
}

/** An Arrow IPC stream that can be read once: standard input. */
export async function arrowStreamSource(reader: ByteReader): Promise<Source> {
  registerCodecs();
  const decoder = await openStream(reader);
  return { name: reader.name, rows: null, columns: columnsOf(decoder.schema, reader.name), batches: () => streamBatches(reader, decoder) };
}

async function* streamFileBatches(path: string): AsyncGenerator<RecordBatch> {
  const file = await FileBytes.open(path);
  try {
    const reader = file.from(0);
    yield* streamBatches(reader, await openStream(reader));
  } finally {
    await file.close();
  }
}

async function openStream(reader: ByteReader): Promise<MessageDecoder> {
  const schema = await readMessage(reader);
  if (schema === null) throw malformed(reader.name, new Error('it holds no message'));
  return new MessageDecoder(reader.name, schema);
}

async function* streamBatches(reader: ByteReader, decoder: MessageDecoder): AsyncGenerator<RecordBatch> {
  for (let message = await readMessage(reader); message; message = await readMessage(reader)) {
    const batch = decoder.decode(message);
    if (batch) yield batch;
  }
}

async function* fileBatches(path: string): AsyncGenerator<RecordBatch> {
  const file = await FileBytes.open(path);
  try {
    const footer = await readFooter(file);
    const decoder = new MessageDecoder(path, schemaMessage(path, footer.schema));
    for (const offset of [...footer.dictionaries, ...footer.batches]) {
      const message = await readMessage(file.from(offset));
      const batch = message && decoder.decode(message);
      if (batch) yield batch;
    }
  } finally {
    await file.close();
  }
}

/** What a footer says: the schema, and at which offsets the messages are. */
interface Directory {
  readonly schema: Schema;
  readonly dictionaries: readonly number[];
  readonly batches: readonly number[];
}

async function readFooter(file: FileBytes): Promise<Directory> {
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

async function countRows(file: FileBytes, footer: Directory): Promise<number | null> {
  if (footer.batches.length > MAX_BATCHES_COUNTED) return null;
  let rows = 0;
  for (const offset of footer.batches) {
    const message: Message | null = await readMetadata(file.from(offset));
    if (!message?.isRecordBatch()) throw malformed(file.name, new Error(`its footer names a record batch at byte ${offset}, where there is none`));
    rows += message.header().length;
  }
  return rows;
}
