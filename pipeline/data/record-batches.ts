import { Data, Field, Message, RecordBatch, RecordBatchStreamWriter, Schema, Struct, makeData } from 'apache-arrow';
import { VectorLoader } from 'apache-arrow/visitor/vectorloader';

import { check } from '../base/check.ts';
import type { BadSample, IsWanted, Source } from './source.ts';

/** One record batch as an Arrow IPC stream in a buffer of its own. */
export function toIpc(batch: RecordBatch): ArrayBuffer {
  const bytes = RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true);
  return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer as ArrayBuffer : bytes.slice().buffer as ArrayBuffer;
}

/**
 * The record batch of an Arrow IPC stream that {@link toIpc} made; its columns are views into `bytes`. The messages are taken apart here: apache-arrow's
 * reader makes functions and prototypes for each stream, which V8 keeps until it collects its old objects.
 */
export function fromIpc(bytes: ArrayBuffer): RecordBatch {
  const schema = messageAt(bytes, 0);
  const batch = messageAt(bytes, schema.bodyAt);
  check(schema.message.isSchema() && batch.message.isRecordBatch(), 'a block holds a schema and a record batch');
  const { fields, metadataVersion } = schema.message.header(), { length, nodes, buffers } = batch.message.header();
  const body = new Uint8Array(bytes, batch.bodyAt, batch.message.bodyLength);
  const children = new VectorLoader(body, nodes, buffers, new Map(), metadataVersion).visitMany(fields);
  return new RecordBatch(schema.message.header(), makeData({ type: new Struct(fields), length, nullCount: 0, children }));
}

/** An encapsulated message: 0xFFFFFFFF, int32 length, metadata, body. */
function messageAt(bytes: ArrayBuffer, at: number): { readonly message: Message; readonly bodyAt: number } {
  const length = new DataView(bytes).getInt32(at + 4, true), metadataAt = at + 8;
  return { message: Message.decode(new Uint8Array(bytes, metadataAt, length)), bodyAt: metadataAt + length };
}

/** A record batch of equally long columns; each field takes the type of its data. */
export function recordBatch(fields: readonly Field[], columns: readonly Data[], metadata?: Map<string, string>): RecordBatch {
  const typed = fields.map((field, i) => new Field(field.name, columns[i]!.type, false, field.metadata));
  const data = makeData({ type: new Struct(typed), length: columns[0]?.length ?? 0, nullCount: 0, children: [...columns] });
  return new RecordBatch(new Schema(typed, metadata), data);
}

/** The `batches` of a source whose reader can pass over rows. */
export function skippable(read: (isWanted: IsWanted, columns?: readonly string[]) => AsyncIterable<RecordBatch | BadSample | number>): Source['batches'] {
  return (isWanted: IsWanted = () => true, columns?: readonly string[]) => read(isWanted, columns) as AsyncIterable<RecordBatch>; // numbers only come where some rows are not wanted
}
