// Arrow's encapsulated messages: 0xFFFFFFFF, int32 length, metadata (a flatbuffer padded to 8 bytes), body.
// Framing is done here, so that every declared size is checked before it is believed; decoding is apache-arrow's.

import { DataType, Message, RecordBatchReader, type Field, type RecordBatch, type Schema } from 'apache-arrow';
import type * as metadata from 'apache-arrow/ipc/metadata/message';

import { QuantpipeError } from '../base/errors.ts';
import { checkMessage } from './flatbuffer-bounds.ts';
import { take, type ByteReader } from './byte-reader.ts';

/** Longest metadata believed: a schema of 100,000 columns has about 10 MiB. */
const MAX_METADATA_BYTES = 1 << 28;
const CONTINUATION = -1;
/** How data of other formats begin, where a stream has a length. */
const OTHER_FORMATS: readonly (readonly [start: string, what: string])[] = [
  ['ARRO', 'an Arrow file, which is read from its end'], ['PAR1', 'Parquet, which is read from its end'], ['\x93NUM', 'a .npy array'], ['PK\x03\x04', 'a zip archive'], ['\x1f\x8b', 'compressed with gzip'],
  ['\x89PNG', 'an image'], ['\xff\xd8\xff', 'an image'], ['RIFF', 'an image'],
];
/** Most rows believed of a batch; offsets of rows are int32. */
const MAX_ROWS = 2 ** 31 - 1;

const END_MARK = Symbol('end of a stream');

/** A message without its body. */
export interface IpcHead {
  readonly message: Message;
  /** Prefix and metadata. */
  readonly head: Uint8Array;
}

/** One message as it is stored, and what its metadata says. */
export interface IpcMessage extends IpcHead {
  readonly body: Uint8Array;
}

/** Read the next message up to its body; null at the end of the stream, be it a mark or the end of the bytes. */
export async function readMessageHead(reader: ByteReader): Promise<IpcHead | null> {
  const head = await readHead(reader);
  return head === null || head === END_MARK ? null : { head, message: decodeMetadata(reader, head) };
}

/** Read the next message of any of several streams, one behind the other; null at the end of the bytes. */
export async function readNextHead(reader: ByteReader): Promise<IpcHead | null> {
  let head = await readHead(reader);
  while (head === END_MARK) head = await readHead(reader);
  return head && { head, message: decodeMetadata(reader, head) };
}

/** Read the body after its head. */
export async function readBody(reader: ByteReader, head: IpcHead): Promise<IpcMessage> {
  return { ...head, body: await take(reader, head.message.bodyLength, 'the body of an Arrow message') };
}

async function readHead(reader: ByteReader): Promise<Uint8Array | typeof END_MARK | null> {
  const offset = reader.position;
  const first = await reader.upTo(4);
  if (first.length === 0) return null; // a stream may end without its mark
  const hasMark = first.length === 4 && int32(first) === CONTINUATION;
  const lengthBytes = hasMark ? await take(reader, 4, 'the length of an Arrow message') : first;
  if (lengthBytes.length < 4) throw new QuantpipeError('data-invalid', `${reader.name} is cut short: ${first.length} bytes where an Arrow message begins`, { file: reader.name, offset });
  const length = int32(lengthBytes);
  if (length === 0) return END_MARK;
  const other = offset === 0 ? otherFormat(lengthBytes) : undefined;
  if (other !== undefined) throw new QuantpipeError('data-invalid', `${reader.name} is ${other}; an Arrow stream is needed here: give the path of the data, or write them as an Arrow stream`, { file: reader.name });
  if (length < 0 || length > MAX_METADATA_BYTES) {
    throw new QuantpipeError('data-invalid', `${reader.name} is not a valid Arrow stream: metadata of ${length} bytes declared, at most ${MAX_METADATA_BYTES} are possible`, { file: reader.name, offset });
  }
  const metadata = await take(reader, length, 'the metadata of an Arrow message');
  return withPrefix(metadata);
}

function otherFormat(start: Uint8Array): string | undefined {
  const text = new TextDecoder('latin1').decode(start);
  return OTHER_FORMATS.find(([begin]) => text.startsWith(begin))?.[1];
}

/** The message in today's form: files older than Arrow 0.15 have no continuation mark. */
function withPrefix(metadata: Uint8Array): Uint8Array {
  const head = new Uint8Array(8 + metadata.length);
  new DataView(head.buffer).setInt32(0, CONTINUATION, true);
  new DataView(head.buffer).setInt32(4, metadata.length, true);
  head.set(metadata, 8);
  return head;
}

function decodeMetadata(reader: ByteReader, head: Uint8Array): Message {
  return decoding(reader.name, () => {
    const metadata = head.subarray(8);
    checkMessage(metadata);
    const message = Message.decode(metadata);
    if (message.bodyLength < 0) throw new RangeError(`a body of ${message.bodyLength} bytes`);
    if (message.isRecordBatch()) checkBuffers(message.header());
    else if (message.isDictionaryBatch()) checkBuffers(message.header().data);
    else message.header(); // decoded on demand otherwise, and then it throws elsewhere
    return message;
  });
}

/** Views have any number of buffers; apache-arrow believes that number. */
function checkBuffers({ buffers, variadicBufferCounts }: metadata.RecordBatch): void {
  const wrong = variadicBufferCounts.find(count => count < 0 || count > buffers.length);
  if (wrong !== undefined) throw new RangeError(`a column of ${wrong} buffers in a batch of ${buffers.length}`);
}

function int32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0, true);
}

/** `data-invalid` for what apache-arrow could not decode. */
export function malformed(name: string, cause: unknown): QuantpipeError {
  const reason = cause instanceof Error ? cause.message : String(cause), type = /^Unrecognized type: "(\w+)"/.exec(reason)?.[1];
  if (type !== undefined) return new QuantpipeError('data-invalid', `${name} has a column of Arrow's type ${type}, and files with such columns are not read: write it without them`, { file: name }, { cause });
  return new QuantpipeError('data-invalid', `${name} is not valid Arrow data: ${reason}`, { file: name }, { cause });
}

/** Nodes that a column takes in a batch's list: its own, then those of its children. A dictionary's values are elsewhere. */
function nodeCount(type: DataType | undefined): number {
  if (!type || DataType.isDictionary(type)) return 1;
  return ((type.children ?? []) as (Field | undefined)[]).reduce((count, child) => count + nodeCount(child?.type), 1);
}

/** Let apache-arrow decode bytes that may be anything; what it throws is the data's fault. */
export function decoding<T>(name: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw malformed(name, cause);
  }
}

/** The message that opens a stream of this schema. A file has its schema in the footer, and not always in a message too. */
export function schemaMessage(name: string, schema: Schema): IpcMessage {
  return decoding(name, () => {
    const message = Message.from(schema);
    return { message, head: withPrefix(Message.encode(message)), body: new Uint8Array(0) };
  });
}

/**
 * Turns record batch messages into record batches: told the schema first, then dictionaries and batches as they come.
 * Each batch is read by a reader of its own, because apache-arrow's asks for the message after the one it decodes.
 */
export class MessageDecoder {
  readonly schema: Schema;
  readonly #name: string;
  readonly #first: IpcMessage;
  readonly #dictionaries = new Map<number, IpcMessage[]>();

  /** @param first the stream's first message, which holds the schema */
  constructor(name: string, first: IpcMessage) {
    if (!first.message.isSchema()) throw malformed(name, new Error('it does not begin with a schema'));
    this.#name = name;
    this.#first = first;
    this.schema = this.#read([]).schema;
  }

  /** The record batch of a record batch message; null for a dictionary, which is kept for the batches after it. */
  decode(stored: IpcMessage): RecordBatch | null {
    const { message } = stored;
    if (message.isDictionaryBatch()) this.#keep(message.header().id, message.header().isDelta, stored);
    if (!message.isRecordBatch()) return null;
    this.#checkCounts(message.header());
    const [batch] = this.#read([...[...this.#dictionaries.values()].flat(), stored]).batches;
    if (!batch) throw malformed(this.#name, new Error('a record batch could not be read'));
    return batch;
  }

  #keep(id: number, isDelta: boolean, stored: IpcMessage): void {
    const before = isDelta ? this.#dictionaries.get(id) ?? [] : [];
    this.#dictionaries.set(id, [...before, stored]);
  }

  /** Every column must have as many rows as the batch: apache-arrow would fill up what is missing. */
  #checkCounts({ length, nodes }: metadata.RecordBatch): void {
    let node = 0;
    if (length > MAX_ROWS) throw malformed(this.#name, new Error(`a batch of ${length} rows, at most ${MAX_ROWS} are read`));
    for (const { name, type } of this.schema.fields) {
      const rows = nodes[node]?.length ?? 0;
      if (rows !== length) throw malformed(this.#name, new Error(`column '${name}' has ${rows} rows, its batch ${length}`));
      node += nodeCount(type);
    }
  }

  #read(messages: readonly IpcMessage[]): { schema: Schema; batches: RecordBatch[] } {
    const chunks = [this.#first, ...messages].flatMap(({ head, body }) => (body.length > 0 ? [head, body] : [head]));
    return decoding(this.#name, () => {
      const reader = RecordBatchReader.from(chunks).open();
      const { schema } = reader;
      return { schema, batches: messages.length > 0 ? [...reader] : [] };
    });
  }
}
