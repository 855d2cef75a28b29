import { type Data, Field, Float32, List, makeData, RecordBatch, RecordBatchFileWriter, Schema, Struct, tableFromIPC, type TypeMap, Uint16, Uint64, Utf8, vectorFromArray } from 'apache-arrow';

import { QuantpipeError } from '../base/errors.ts';
import type { Statistics, TensorStatistics } from './statistics.ts';

// Layout: an Arrow IPC file with one record batch, a row per tensor, sorted by name.
//
//   tensor utf8 · min, max float32 (+Infinity, -Infinity where no value was finite) · bins list<uint16> · counts list<uint64>
//
// bins and counts are those of TensorStatistics. The schema's metadata hold the version, the model's hash and the number of samples.

const VERSION_KEY = 'quantpipe.statistics';
const MODEL_KEY = 'quantpipe.model';
const SAMPLES_KEY = 'quantpipe.samples';
const VERSION = '1';

const fields = {
  tensor: new Field('tensor', new Utf8(), false),
  min: new Field('min', new Float32(), false),
  max: new Field('max', new Float32(), false),
  bins: new Field('bins', new List(new Field('item', new Uint16(), false)), false),
  counts: new Field('counts', new List(new Field('item', new Uint64(), false)), false),
};

/** Statistics as an Arrow IPC file. The same statistics give the same bytes, in whatever order their tensors were met. */
export function writeStatistics({ model, samples, tensors }: Statistics): Uint8Array {
  const rows = [...tensors].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const floats = (of: (seen: TensorStatistics) => number) => makeData({ type: new Float32(), length: rows.length, data: Float32Array.from(rows, ([, seen]) => of(seen)) });
  const offsets = offsetsOf(rows.map(([, { bins }]) => bins.length));
  const bins = new Uint16Array(offsets.at(-1)!);
  const counts = new BigUint64Array(offsets.at(-1)!);
  rows.forEach(([, seen], i) => {
    bins.set(seen.bins, offsets[i]);
    counts.set(seen.counts, offsets[i]);
  });
  const children = [
    vectorFromArray(rows.map(([name]) => name), new Utf8()).data[0]!,
    floats(({ min }) => min),
    floats(({ max }) => max),
    makeData({ type: fields.bins.type, length: rows.length, valueOffsets: offsets, child: makeData({ type: new Uint16(), length: bins.length, data: bins }) }),
    makeData({ type: fields.counts.type, length: rows.length, valueOffsets: offsets, child: makeData({ type: new Uint64(), length: counts.length, data: counts }) }),
  ];
  const metadata = new Map([[VERSION_KEY, VERSION], [MODEL_KEY, model], [SAMPLES_KEY, String(samples)]]);
  const schema = new Schema<TypeMap>(Object.values(fields), metadata);
  const writer = new RecordBatchFileWriter<TypeMap>();
  writer.write(new RecordBatch(schema, makeData({ type: new Struct<TypeMap>(schema.fields), length: rows.length, children: children as Data[] })));
  return writer.finish().toUint8Array(true);
}

function offsetsOf(lengths: readonly number[]): Int32Array {
  const offsets = new Int32Array(lengths.length + 1);
  lengths.forEach((length, i) => { offsets[i + 1] = offsets[i]! + length; });
  return offsets;
}

/**
 * Read what {@link writeStatistics} wrote; everything that it promises is checked.
 *
 * @param where how messages call the file
 * @throws statistics-invalid
 */
export function readStatistics(bytes: Uint8Array, where: string): Statistics {
  const { metadata, columns } = readColumns(bytes, where);
  const version = metadata.get(VERSION_KEY);
  if (version === undefined) throw invalid(where, 'is an Arrow file, but none that observe or merge wrote');
  if (version !== VERSION) throw invalid(where, `holds statistics of version '${version}'; this quantpipe reads version '${VERSION}'`);
  const samples = Number(metadata.get(SAMPLES_KEY));
  if (!Number.isSafeInteger(samples) || samples < 0) throw invalid(where, `says it counted '${metadata.get(SAMPLES_KEY)}' samples`);
  const [names, mins, maxs, binLists, countLists] = columns;
  const tensors = new Map<string, TensorStatistics>();
  for (let row = 0; row < names.length; row++) {
    const name = names[row]!;
    const seen = { min: mins[row]!, max: maxs[row]!, bins: binLists(row) as Uint16Array, counts: countLists(row) as BigUint64Array };
    checkTensor(name, seen, where);
    if (tensors.has(name)) throw invalid(where, `holds tensor '${name}' twice`);
    tensors.set(name, seen);
  }
  return { model: metadata.get(MODEL_KEY) ?? '', samples, tensors };
}

type Columns = [names: string[], mins: Float32Array, maxs: Float32Array, bins: (row: number) => Uint16Array, counts: (row: number) => BigUint64Array];

function readColumns(bytes: Uint8Array, where: string): { metadata: ReadonlyMap<string, string>; columns: Columns } {
  let table;
  try {
    table = tableFromIPC(bytes);
  } catch (cause) {
    throw invalid(where, `is not an Arrow file: ${(cause as Error).message}`, cause);
  }
  const { metadata } = table.schema;
  if (!metadata.has(VERSION_KEY)) return { metadata, columns: [[], new Float32Array(0), new Float32Array(0), () => new Uint16Array(0), () => new BigUint64Array(0)] };
  const data = Object.values(fields).map(({ name, type }) => {
    const column = table.getChild(name);
    if (column === null || String(column.type) !== String(type)) throw invalid(where, `needs a column '${name}' of type ${type}, has ${column?.type ?? 'none'}`);
    if (column.nullCount > 0) throw invalid(where, `column '${name}' holds ${column.nullCount} nulls`);
    if (column.data.length !== 1) throw invalid(where, `needs one record batch, has ${column.data.length}`);
    return column.data[0]!;
  });
  const names = [...table.getChild('tensor')!] as string[];
  return { metadata, columns: [names, data[1]!.values as Float32Array, data[2]!.values as Float32Array, listAt(data[3]!, 'bins', where), listAt(data[4]!, 'counts', where)] };
}

/** The values of one row of a list column, copied out of the file. No BigInt is made for each of them. */
function listAt<T extends Uint16Array | BigUint64Array>(list: Data, name: string, where: string): (row: number) => T {
  const offsets = list.valueOffsets as Int32Array;
  const values = list.children[0]!.values as T;
  return row => {
    const [start, end] = [offsets[row]!, offsets[row + 1]!];
    if (!(start >= 0 && start <= end && end <= values.length)) throw invalid(where, `column '${name}' row ${row} spans ${start} to ${end} of ${values.length} values`);
    return values.slice(start, end) as T;
  };
}

function checkTensor(name: string, { bins, counts, min, max }: TensorStatistics, where: string): void {
  if (bins.length !== counts.length) throw invalid(where, `tensor '${name}' has ${bins.length} bins but ${counts.length} counts`);
  for (let i = 0; i < bins.length; i++) {
    if (counts[i] === 0n) throw invalid(where, `tensor '${name}' has a count of 0 at bin ${bins[i]}`);
    if (i > 0 && rank(bins[i]!) <= rank(bins[i - 1]!)) throw invalid(where, `tensor '${name}' has bin ${bins[i]} after bin ${bins[i - 1]}`);
  }
  const isEmpty = min === Infinity && max === -Infinity;
  if (!isEmpty && !(Number.isFinite(min) && Number.isFinite(max) && min <= max)) throw invalid(where, `tensor '${name}' has the range ${min} to ${max}`);
}

/** Position of a bin among all bins by the value it stands for: float32 bits ordered as integers. */
function rank(bin: number): number {
  return bin & 0x8000 ? 0xffff - bin : bin + 0x8000;
}

function invalid(where: string, fact: string, cause?: unknown): QuantpipeError {
  return new QuantpipeError('statistics-invalid', `'${where}' ${fact}`, {}, { cause });
}
