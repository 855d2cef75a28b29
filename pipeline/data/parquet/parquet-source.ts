import { Schema, type RecordBatch } from 'apache-arrow';

import { QuantpipeError } from '../../base/errors.ts';
import { streamBytes, take, type StoredBytes } from '../byte-reader.ts';
import { columnsOf } from '../column.ts';
import { MessageDecoder, readBody, readMessageHead } from '../ipc-messages.ts';
import { aroundNulls } from '../nulls.ts';
import { openBytes } from '../open-bytes.ts';
import { recordBatch, skippable } from '../record-batches.ts';
import type { BadSample, IsWanted, OtherColumn, StoredSource } from '../source.ts';
import { SLICE_BYTES } from '../stored-arrays.ts';
import { elementBytes } from '../tensor-columns.ts';
import { parquetColumns, type ParquetColumn } from './columns.ts';
import { parquetMetadata, parquetSchema, type FileMetaData, type RowGroup, type SchemaTree } from './hyparquet.ts';
import type { Leaf } from './leaf.ts';
import { LeafReader, rowsBetween, type LeafRows } from './leaf-rows.ts';
import { PARQUET_MAGIC } from './magic.ts';
import { chunkPages, decoding } from './pages.ts';

/** The end: the footer's length and the magic. */
const TRAILER_BYTES = 8;
/** Most rows in a batch, however small they are. */
const MAX_BATCH_ROWS = 4096;
/** Key under which Arrow's writers keep their schema, an IPC message in base64. */
const ARROW_SCHEMA_KEY = 'ARROW:schema';

/** A Parquet file, local or behind an address: of each row group only the columns that are needed, page by page. */
export async function parquetSource(path: string): Promise<StoredSource> {
  const file = await openBytes(path);
  try {
    const { version } = file;
    const { columns, others, rows } = await readDirectory(file);
    const schema = new Schema(columns.map(({ field }) => field));
    return {
      name: path, rows, schema, columns: columnsOf(schema, path), others,
      batches: skippable((isWanted, names) => parquetBatches(path, version, isWanted, names)),
    };
  } finally {
    await file.close();
  }
}

/** What the footer says. */
interface Directory {
  readonly columns: readonly ParquetColumn[];
  /** The columns that are not read. */
  readonly others: readonly OtherColumn[];
  readonly rows: number;
  readonly groups: readonly RowGroup[];
}

async function readDirectory(file: StoredBytes): Promise<Directory> {
  const metadata = await readFooter(file);
  const schema = metadata.key_value_metadata?.find(({ key }) => key === ARROW_SCHEMA_KEY)?.value;
  const arrow = schema === undefined ? null : await arrowSchema(schema, file.name);
  const { row_groups: groups } = metadata;
  const root = decoding(file.name, () => parquetSchema(metadata));
  const { columns, rows, held } = decoding(file.name, () => ({
    columns: parquetColumns(root, arrow),
    rows: Number(metadata.num_rows),
    held: groups.reduce((sum, group) => sum + Number(group.num_rows), 0),
  }));
  if (rows !== held || !groups.every(group => isCount(Number(group.num_rows)))) {
    throw new QuantpipeError('data-invalid', `${file.name}: ${rows} samples are declared, its row groups declare ${held}`, { file: file.name });
  }
  return { columns, others: otherColumns(root, columns), rows, groups };
}

function otherColumns({ children }: SchemaTree, columns: readonly ParquetColumn[]): OtherColumn[] {
  const names = new Set(columns.map(({ field }) => field.name));
  return children.filter(({ element }) => !names.has(element.name)).map(({ element: { name, converted_type: converted, type } }) => ({ name, type: converted ?? type ?? 'a struct' }));
}

async function readFooter(file: StoredBytes): Promise<FileMetaData> {
  const least = PARQUET_MAGIC.length + TRAILER_BYTES;
  if (file.size < least) throw new QuantpipeError('data-invalid', `${file.name} is cut short: a Parquet file needs ${least} bytes, it has ${file.size}`, { file: file.name });
  const trailer = await take(file.from(file.size - TRAILER_BYTES), TRAILER_BYTES, 'the end of a Parquet file');
  if (new TextDecoder('latin1').decode(trailer.subarray(4)) !== PARQUET_MAGIC) {
    throw new QuantpipeError('data-invalid', `${file.name} is cut short: a Parquet file ends with ${PARQUET_MAGIC}, this one of ${file.size} bytes does not`, { file: file.name });
  }
  const length = new DataView(trailer.buffer).getUint32(0, true), room = file.size - least;
  if (length === 0 || length > room) throw new QuantpipeError('data-invalid', `${file.name}: a footer of ${length} bytes is declared, there is room for ${room}`, { file: file.name });
  const bytes = await take(file.from(file.size - TRAILER_BYTES - length), length + TRAILER_BYTES, 'the footer of a Parquet file');
  return decoding(file.name, () => parquetMetadata(bytes, { geoparquet: false }));
}

async function arrowSchema(base64: string, name: string): Promise<Schema | null> {
  const bytes = Buffer.from(base64, 'base64');
  const reader = streamBytes(`the Arrow schema of ${name}`, (async function* () { yield bytes; })(), bytes.length);
  const head = await readMessageHead(reader);
  return head && new MessageDecoder(reader.name, await readBody(reader, head)).schema;
}

async function* parquetBatches(path: string, version: string | null, isWanted: IsWanted, names?: readonly string[]): AsyncGenerator<RecordBatch | BadSample | number> {
  const file = await openBytes(path, version);
  try {
    const { columns, groups } = await readDirectory(file);
    const needed = columns.filter(({ field }) => names?.includes(field.name) ?? true);
    let row = 0;
    for (const group of groups) {
      const rows = Number(group.num_rows);
      if (isWanted(row, row + rows)) yield* groupBatches(file, group, needed, (begin, end) => isWanted(row + begin, row + end));
      else yield rows;
      row += rows;
    }
  } finally {
    await file.close();
  }
}

/** The rows of one group. Those that are not wanted are read too, as far as a wanted one follows, and dropped. */
async function* groupBatches(file: StoredBytes, group: RowGroup, columns: readonly ParquetColumn[], isWanted: IsWanted): AsyncGenerator<RecordBatch | BadSample | number> {
  const total = Number(group.num_rows);
  const readers = columns.map(({ leaves }) => leaves.map(leaf => new LeafReader(leaf, chunkPages(file, chunkOf(file, group, leaf), leaf), `${file.name}, column '${leaf.path}'`)));
  const bytes = columns.flatMap(({ leaves }) => leaves).reduce((sum, leaf) => sum + decodedBytes(chunkOf(file, group, leaf), leaf), 0);
  const slice = Math.max(1, Math.min(MAX_BATCH_ROWS, Math.floor(SLICE_BYTES * total / Math.max(1, bytes))));
  try {
    for (let begin = 0; begin < total; begin += slice) {
      const count = Math.min(slice, total - begin);
      if (!isWanted(begin, total)) return yield total - begin;
      const rows: LeafRows[][] = [];
      for (const leaves of readers) rows.push(await takeAll(leaves, count));
      if (isWanted(begin, begin + count)) yield* builtBatches(file.name, columns, rows, count);
      else yield count;
    }
  } finally {
    await Promise.all(readers.flat().map(reader => reader.close()));
  }
}

async function takeAll(leaves: readonly LeafReader[], count: number): Promise<LeafRows[]> {
  const rows: LeafRows[] = [];
  for (const leaf of leaves) rows.push(await leaf.take(count));
  return rows;
}

/** `count` rows of every column; of samples that are null, or hold a null, is told in their place. */
function builtBatches(name: string, columns: readonly ParquetColumn[], taken: readonly (readonly LeafRows[])[], count: number): Generator<RecordBatch | BadSample> {
  const nulls = new Map<number, string>();
  for (const [i, leaves] of taken.entries()) for (const row of leaves.flatMap(leaf => leaf.nulls)) if (!nulls.has(row)) nulls.set(row, `column '${columns[i]!.field.name}' of ${name}`);
  const build = ({ field, build }: ParquetColumn, leaves: readonly LeafRows[], begin: number, end: number) => build(leaves.map(leaf => rowsBetween(leaf, begin, end)), `${name}, column '${field.name}'`);
  return aroundNulls(count, nulls, (begin, end) => recordBatch(columns.map(({ field }) => field), columns.map((column, i) => build(column, taken[i]!, begin, end))));
}

type Chunk = NonNullable<RowGroup['columns'][number]['meta_data']>;

function chunkOf(file: StoredBytes, group: RowGroup, { path }: Leaf): Chunk {
  const chunk = group.columns.find(({ meta_data: meta }) => (meta as Partial<Chunk> | undefined)?.path_in_schema?.join('.') === path)?.meta_data;
  if (!chunk) throw new QuantpipeError('data-invalid', `${file.name}: a row group has no column '${path}'`, { file: file.name });
  for (const key of ['num_values', 'total_uncompressed_size', 'total_compressed_size', 'data_page_offset'] as const) {
    if (!isCount(Number(chunk[key]))) throw new QuantpipeError('data-invalid', `${file.name}, column '${path}': ${key} is ${String(chunk[key])}`, { file: file.name });
  }
  return chunk;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** About what a chunk takes when it is decoded: runs of equal values are stored in next to nothing. */
function decodedBytes({ total_uncompressed_size: stored, num_values: values }: Chunk, { dtype }: Leaf): number {
  const width = dtype === 'string' || dtype === 'binary' ? 1 : elementBytes(dtype);
  return Math.max(Number(stored), Number(values) * width);
}
