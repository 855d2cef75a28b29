import { createHash } from 'node:crypto';
import {
  type Data, type DataType, Field, Float32, List, makeData, RecordBatch, RecordBatchReader, Schema, Struct, Table, tableToIPC, Uint16, Uint64,
  Utf8, Vector, vectorFromArray,
} from 'apache-arrow';

import { QuantpipeError } from '../base/errors.ts';
import type { Shards, Statistics, TensorStatistics } from '../observers/statistics.ts';
import { statisticsFault } from '../observers/statistics-fault.ts';
import { checkArrow } from './arrow-bytes.ts';

/** Of the columns and what they mean. A reader refuses any other. */
const FORMAT_VERSION = '1';
const VERSION_KEY = 'quantpipe.statistics';
const MODEL_KEY = 'quantpipe.model';
const SAMPLES_KEY = 'quantpipe.samples';
const SHARDS_KEY = 'quantpipe.shards';
const PREPARATION_KEY = 'quantpipe.preparation';
const SUM_KEY = 'quantpipe.sum';
/** Of the note that makes statistics a checkpoint: those of an observation that has not ended. */
export const CHECKPOINT_KEY = 'quantpipe.checkpoint';

const columns = {
  tensor: new Utf8(),
  min: new Float32(),
  max: new Float32(),
  bins: new List(new Field('item', new Uint16(), false)),
  counts: new List(new Field('item', new Uint64(), false)),
} as const;

/** An entry of the schema's metadata beside those of the format. */
export interface StatisticsNote {
  readonly key: string;
  readonly text: string;
}

/**
 * Statistics as an Arrow IPC file, or stream: a row per tensor with its finite extremes, the used bins of its histogram and their
 * counts; the model's hash, the number of samples, a checksum of it all and the format's version are metadata of the schema.
 *
 * The same statistics give the same bytes: rows are sorted by the tensors' names (by UTF-16 code unit), in one record batch.
 *
 * @param note one more entry of the schema's metadata: a checkpoint is statistics with a note
 */
export function writeStatistics(content: Statistics, form: 'file' | 'stream' = 'file', note: StatisticsNote | null = null): Uint8Array {
  const { model, samples, shards, preparation, tensors } = content;
  const rows = sorted(tensors);
  const seen = rows.map(([, statistics]) => statistics);
  const children: Data[] = [
    utf8Data(rows.map(([name]) => name)),
    makeData({ type: columns.min, data: Float32Array.from(seen, ({ min }) => min) }),
    makeData({ type: columns.max, data: Float32Array.from(seen, ({ max }) => max) }),
    listData(columns.bins, seen.map(({ bins }) => bins), binsData),
    listData(columns.counts, seen.map(({ counts }) => counts), countsData),
  ];
  const fields = Object.entries(columns).map(([name, type]) => new Field<DataType>(name, type, false));
  const metadata = new Map([[VERSION_KEY, FORMAT_VERSION], [MODEL_KEY, model], [SAMPLES_KEY, String(samples)], [SUM_KEY, sumOf(content)], ...(shards === null ? [] : [[SHARDS_KEY, shardsText(shards)] as const]), ...(preparation === undefined ? [] : [[PREPARATION_KEY, preparation] as const]), ...(note === null ? [] : [[note.key, note.text] as const])]);
  const batch = new RecordBatch(new Schema(fields, metadata), makeData({ type: new Struct(fields), length: rows.length, nullCount: 0, children }));
  return tableToIPC(new Table([batch]), form);
}

const sorted = (tensors: Statistics['tensors']) => [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));

/** SHA-256 of all that statistics say. Files travel between machines, and a count that became another looks like any count. */
function sumOf({ model, samples, shards, preparation, tensors }: Statistics): string {
  const hash = createHash('sha256').update(JSON.stringify([model, samples, shards && shardsText(shards), preparation ?? null]));
  for (const [name, { min, max, bins, counts }] of sorted(tensors)) hash.update(JSON.stringify([name, bins.length])).update(Float32Array.of(min, max)).update(bins).update(counts);
  return hash.digest('hex').slice(0, 32);
}

function utf8Data(names: readonly string[]): Data<Utf8> {
  return vectorFromArray(names, columns.tensor).data[0] ?? makeData({ type: columns.tensor, valueOffsets: new Int32Array(1), data: new Uint8Array(0) });
}

/** The lists as one column; `joined` puts them end to end, without an object for each of their numbers. */
function listData<T extends ArrayLike<unknown>>(type: List, lists: readonly T[], joined: (lists: readonly T[], offsets: Int32Array) => Data): Data<List> {
  const valueOffsets = new Int32Array(lists.length + 1);
  lists.forEach((list, i) => { valueOffsets[i + 1] = valueOffsets[i]! + list.length; });
  return makeData({ type, length: lists.length, nullCount: 0, valueOffsets, child: joined(lists, valueOffsets) });
}

function binsData(lists: readonly Uint16Array[], offsets: Int32Array): Data {
  const data = new Uint16Array(offsets.at(-1)!);
  lists.forEach((list, i) => data.set(list, offsets[i]));
  return makeData({ type: new Uint16(), data });
}

function countsData(lists: readonly BigUint64Array[], offsets: Int32Array): Data {
  const data = new BigUint64Array(offsets.at(-1)!);
  lists.forEach((list, i) => data.set(list, offsets[i]));
  return makeData({ type: new Uint64(), data });
}

/**
 * Read what {@link writeStatistics} wrote, file or stream. The bytes may be anything: what is not statistics, and what contradicts
 * itself, is a 'statistics-invalid' that says what is wrong.
 *
 * @param where what the bytes are called in errors: a file's path, or `standard input`
 */
export function readStatistics(bytes: Uint8Array, where: string): Statistics {
  const { statistics, note } = readNotedStatistics(bytes, where, CHECKPOINT_KEY);
  if (note !== null) throw invalid(where, `is the checkpoint of an observation that has not ended, after ${statistics.samples} samples: finish it first (--resume)`);
  return statistics;
}

/** The same, with the note of this key; null where there is none. */
export function readNotedStatistics(bytes: Uint8Array, where: string, key: string): { readonly statistics: Statistics; readonly note: string | null } {
  if (bytes.length === 0) throw invalid(where, 'is empty');
  try {
    checkArrow(bytes);
    const reader = RecordBatchReader.from(bytes).open();
    const note = reader.schema.metadata.get(key) ?? null; // the reader forgets its schema at the end
    return { statistics: readRows(reader, where), note };
  } catch (cause) {
    if (cause instanceof QuantpipeError) throw cause;
    throw invalid(where, `is not a valid Arrow file or stream: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}

function readRows(reader: RecordBatchReader, where: string): Statistics {
  const { schema } = reader;
  const totals = readMetadata(schema, where);
  checkColumns(schema, where);
  const tensors = new Map<string, TensorStatistics>();
  for (const batch of reader) {
    for (const [name, statistics] of readBatch(batch, where)) {
      if (tensors.has(name)) throw invalid(where, `holds tensor '${name}' twice`);
      const fault = statisticsFault(statistics);
      if (fault) throw invalid(where, `tensor '${name}' ${fault}`);
      tensors.set(name, statistics);
    }
  }
  const statistics = { ...totals, tensors }, sum = schema.metadata.get(SUM_KEY); // other programs may write files without one
  if (sum !== undefined && sum !== sumOf(statistics)) throw invalid(where, `is damaged: its content does not have the checksum ${quoted(sum)} that it names; make or copy the file anew`);
  return statistics;
}

function checkColumns({ fields }: Schema, where: string): void {
  for (const [name, type] of Object.entries(columns)) {
    const field = fields.find(field => field.name === name);
    if (!field) throw invalid(where, `has ${fields.length} columns, and none of them is '${name}'`);
    if (typeName(field.type) !== typeName(type)) throw invalid(where, `column '${name}' must be ${typeName(type)}, is ${typeName(field.type)}`);
  }
}

/** Names of list items differ between writers, and do not matter. */
function typeName(type: DataType): string {
  return type instanceof List ? `List<${type.valueType}>` : String(type);
}

function readMetadata({ metadata }: Schema, where: string): Omit<Statistics, 'tensors'> {
  const version = metadata.get(VERSION_KEY), model = metadata.get(MODEL_KEY), samples = metadata.get(SAMPLES_KEY);
  if (version === undefined) throw invalid(where, 'is an Arrow file, but none that observe or merge wrote');
  if (version !== FORMAT_VERSION) throw invalid(where, `must be statistics of version ${FORMAT_VERSION}, says ${quoted(version)}`);
  if (!model) throw invalid(where, 'does not say which model it is of');
  if (!samples || !/^\d{1,15}$/.test(samples)) throw invalid(where, `must say how many samples it is of, says ${quoted(samples)}`);
  const preparation = metadata.get(PREPARATION_KEY);
  if (preparation !== undefined && !/^[0-9a-f]{12}-(?:web|native)$/.test(preparation)) throw invalid(where, `must say how samples were prepared, says ${quoted(preparation)}`);
  return { model, samples: Number(samples), shards: parseShards(metadata.get(SHARDS_KEY), where), ...(preparation !== undefined && { preparation }) };
}

/** `0,2/3 x 32 of 1000`: parts 0 and 2 of 3, in blocks of 32 samples; how many there are in all is left out where nobody knew. Then, as in `read 0123456789ab`, how they were read. */
const shardsText = ({ count, blockSize, total, reading, parts }: Shards): string =>
  `${parts.join(',')}/${count} x ${blockSize}${total === null ? '' : ` of ${total}`}${reading === undefined ? '' : ` read ${reading}`}`;

function parseShards(text: string | undefined, where: string): Shards | null {
  if (text === undefined) return null;
  const [, list, count, blockSize, total, reading] = /^(\d{1,9}(?:,\d{1,9})*)\/(\d{1,9}) x ([1-9]\d{0,8})(?: of (\d{1,15}))?(?: read ([0-9a-f]{12}(?:-(?:web|native))?))?$/.exec(text) ?? [];
  const parts = (list ?? '').split(',').map(Number);
  const isAscending = parts.every((part, i) => i === 0 || part > parts[i - 1]!);
  if (list === undefined || !isAscending || parts.at(-1)! >= Number(count) || parts.length >= Number(count)) throw invalid(where, `must say which shards it is of, says ${quoted(text)}`);
  return { count: Number(count), blockSize: Number(blockSize), total: total === undefined ? null : Number(total), ...(reading !== undefined && { reading }), parts };
}

/** Text from outside, fit to be shown. */
function quoted(text: string | undefined): string {
  return text === undefined ? 'nothing' : JSON.stringify(text.slice(0, 40));
}

function* readBatch(batch: RecordBatch, where: string): Generator<[name: string, statistics: TensorStatistics]> {
  const column = (name: string) => {
    const data = batch.getChild(name)?.data[0];
    if (!data || data.length !== batch.numRows) throw invalid(where, `column '${name}' has ${data?.length ?? 0} rows of ${batch.numRows}`);
    if (data.nullCount > 0) throw invalid(where, `column '${name}' holds ${data.nullCount} ${data.nullCount === 1 ? 'null' : 'nulls'}`);
    return data;
  };
  const names = new Vector<Utf8>([column('tensor')]);
  const [min, max] = [column('min').values as Float32Array, column('max').values as Float32Array];
  const bins = readLists<Uint16Array>(column('bins'), 'bins', where), counts = readLists<BigUint64Array>(column('counts'), 'counts', where);
  for (let i = 0; i < batch.numRows; i++) yield [names.get(i)!, { min: min[i]!, max: max[i]!, bins: bins(i), counts: counts(i) }];
}

/** Row i of a list column, as a copy. */
function readLists<T extends Uint16Array | BigUint64Array>(data: Data, column: string, where: string): (i: number) => T {
  const { values, nullCount } = data.children[0] as Data<Uint16 | Uint64>;
  if (nullCount > 0) throw invalid(where, `column '${column}' holds ${nullCount} ${nullCount === 1 ? 'null' : 'nulls'}`);
  return i => {
    const start = data.valueOffsets[i]!, end = data.valueOffsets[i + 1]!;
    if (start >= 0 && start <= end && end <= values.length) return values.slice(start, end) as T;
    throw invalid(where, `column '${column}' has ${values.length} entries, row ${i} claims those from ${start} to ${end}`);
  };
}

function invalid(where: string, fact: string, cause?: unknown): QuantpipeError {
  return new QuantpipeError('statistics-invalid', `'${where}' ${fact}`, { file: where }, cause === undefined ? undefined : { cause });
}
