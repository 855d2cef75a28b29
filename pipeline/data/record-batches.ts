import { Data, Field, RecordBatch, RecordBatchReader, RecordBatchStreamWriter, Schema, Struct, makeData } from 'apache-arrow';

import { check } from '../base/check.ts';
import type { BadSample, IsWanted, Source } from './source.ts';

/** One record batch as an Arrow IPC stream in a buffer of its own. */
export function toIpc(batch: RecordBatch): ArrayBuffer {
  const bytes = RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true);
  return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer as ArrayBuffer : bytes.slice().buffer as ArrayBuffer;
}

/** The record batch of an Arrow IPC stream that {@link toIpc} made; its columns are views into `bytes`. */
export function fromIpc(bytes: ArrayBuffer): RecordBatch {
  const [batch] = RecordBatchReader.from(new Uint8Array(bytes));
  check(batch, 'a block holds a record batch');
  return batch;
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
