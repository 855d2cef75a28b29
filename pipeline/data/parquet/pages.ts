// The pages of one column chunk, read and decoded one at a time: a row group may be of any size, a page is about a megabyte.
// https://parquet.apache.org/docs/file-format/data-pages/

import { QuantpipeError } from '../../base/errors.ts';
import { take, type ByteReader, type StoredBytes } from '../byte-reader.ts';
import { byteStreamSplit, compressors, decompressPage, deltaBinaryUnpack, deltaByteArray, deltaLengthByteArray, parquetHeader, readPlain, type RowGroup } from './hyparquet.ts';
import type { Leaf } from './leaf.ts';
import { bitsFor, hybridNumbers, varint } from './levels.ts';

/** Most bytes and values believed of one page; writers aim at 1 MiB, and never split one value. */
const MAX_PAGE_BYTES = 1 << 28;
const MAX_PAGE_VALUES = 1 << 25;
/** A page header, unless it holds long statistics; then more is read. */
const HEADER_BYTES = 1 << 10;
const MAX_HEADER_BYTES = 1 << 24;
/** How far each codec can shrink what it stores; the others have no such bound. */
const MAX_RATIO: Readonly<Record<string, number>> = { UNCOMPRESSED: 1, SNAPPY: 64, GZIP: 1032, LZ4: 256, LZ4_RAW: 256 };

/** Values as a page stores them: typed numbers, or one thing after another. */
export type PageValues = Exclude<ReturnType<typeof readPlain>, unknown[]> | readonly (Uint8Array | boolean)[];

/** A decoded page: for each entry the levels (null: all the same), and the values of those that have one. */
export interface Page {
  readonly entries: number;
  readonly repetition: Int32Array | null;
  readonly definition: Int32Array | null;
  readonly values: PageValues;
}

type Chunk = NonNullable<RowGroup['columns'][number]['meta_data']>;
type Header = ReturnType<typeof parquetHeader>;

/** Decode the data pages of a chunk in order. */
export async function* chunkPages(file: StoredBytes, chunk: Chunk, leaf: Leaf): AsyncGenerator<Page> {
  const where = `${file.name}, column '${leaf.path}'`;
  const { begin, end } = chunkRange(file, chunk, where);
  let dictionary: PageValues | null = null;
  let entries = 0;
  for (let at = begin; at < end && entries < Number(chunk.num_values);) {
    const { header, headerBytes } = await readHeader(file, at, end, where);
    const size = header.compressed_page_size;
    const bodyAt = at + headerBytes;
    checkSizes(header, end - bodyAt, chunk.codec, where);
    at = bodyAt + size;
    if (header.type === 'INDEX_PAGE') continue;
    const bytes = await take(file.from(bodyAt), size, `a page of column '${leaf.path}'`);
    const page = decoding(where, () => decodePage(bytes, header, chunk.codec, leaf, dictionary));
    if (!('entries' in page)) {
      dictionary = page.dictionary;
      continue;
    }
    entries += page.entries;
    yield page;
  }
  if (entries !== Number(chunk.num_values)) throw new QuantpipeError('data-invalid', `${where}: ${chunk.num_values} values are declared, its pages hold ${entries}`, { file: file.name });
}

/** What hyparquet throws on damaged bytes is the data's fault. */
export function decoding<T>(where: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (cause instanceof QuantpipeError) throw cause;
    throw new QuantpipeError('data-invalid', `${where} is not valid Parquet data: ${cause instanceof Error ? cause.message : String(cause)}`, {}, { cause });
  }
}

function chunkRange({ name, size }: StoredBytes, chunk: Chunk, where: string): { begin: number; end: number } {
  const data = Number(chunk.data_page_offset), dictionary = Number(chunk.dictionary_page_offset ?? 0);
  const begin = dictionary > 0 ? Math.min(dictionary, data) : data;
  const end = begin + Number(chunk.total_compressed_size);
  if (begin >= 4 && end > begin && end <= size) return { begin, end };
  throw new QuantpipeError('data-invalid', `${where}: bytes ${begin} to ${end} are declared, the file has ${size}`, { file: name });
}

async function readHeader(file: StoredBytes, at: number, end: number, where: string): Promise<{ header: Header; headerBytes: number }> {
  for (let count = HEADER_BYTES; ; count *= 16) {
    const bytes = await file.from(at).upTo(Math.min(count, end - at));
    const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
    try {
      return { header: parquetHeader(reader), headerBytes: reader.offset };
    } catch (cause) {
      if (cause instanceof RangeError && bytes.length === count && count < MAX_HEADER_BYTES) continue; // longer than was read
      throw new QuantpipeError('data-invalid', `${where} is not valid Parquet data: no page begins at byte ${at}`, { offset: at }, { cause });
    }
  }
}

function checkSizes(header: Header, left: number, codec: string, where: string): void {
  const { compressed_page_size: stored, uncompressed_page_size: size, data_page_header: v1, data_page_header_v2: v2, dictionary_page_header: dictionary } = header;
  const fail = (fact: string) => new QuantpipeError('data-invalid', `${where}: a page declares ${fact}`);
  if (!(stored >= 0 && stored <= left)) throw fail(`${stored} bytes, ${left} are left`);
  const most = Math.min(MAX_PAGE_BYTES, (stored + 1) * (MAX_RATIO[codec] ?? Infinity));
  if (!(size >= 0 && size <= most)) throw fail(`${size} bytes of content, ${stored} stored ones hold at most ${most}`);
  const values = (v1 ?? v2 ?? dictionary)?.num_values ?? 0;
  if (!(values >= 0 && values <= MAX_PAGE_VALUES)) throw fail(`${values} values, at most ${MAX_PAGE_VALUES} are read`);
  if (v2) {
    const { definition_levels_byte_length: definition, repetition_levels_byte_length: repetition, num_nulls: nulls } = v2;
    if (!(definition >= 0 && repetition >= 0 && definition + repetition <= Math.min(stored, size))) throw fail(`levels of ${definition + repetition} bytes, it has ${stored}`);
    if (!(nulls >= 0 && nulls <= values)) throw fail(`${nulls} nulls of ${values} values`);
  }
}

function decodePage(bytes: Uint8Array, header: Header, codec: Chunk['codec'], leaf: Leaf, dictionary: PageValues | null): Page | { readonly dictionary: PageValues } {
  if (header.type === 'DICTIONARY_PAGE') {
    const count = header.dictionary_page_header?.num_values ?? 0;
    return { dictionary: plainValues(inflated(bytes, header.uncompressed_page_size, codec), leaf, count) };
  }
  if (header.type === 'DATA_PAGE' && header.data_page_header) return pageV1(bytes, header, header.data_page_header, codec, leaf, dictionary);
  if (header.type === 'DATA_PAGE_V2' && header.data_page_header_v2) return pageV2(bytes, header, header.data_page_header_v2, codec, leaf, dictionary);
  throw new RangeError(`a page of type ${header.type ?? 'none'}`);
}

function pageV1(bytes: Uint8Array, header: Header, { num_values: entries, encoding }: NonNullable<Header['data_page_header']>, codec: Chunk['codec'], leaf: Leaf, dictionary: PageValues | null): Page {
  const content = inflated(bytes, header.uncompressed_page_size, codec);
  let at = 0;
  const levels = (most: number): Int32Array | null => {
    if (most === 0) return null;
    const length = new DataView(content.buffer, content.byteOffset + at, 4).getUint32(0, true);
    const begin = at + 4;
    if (begin + length > content.length) throw new RangeError(`levels of ${length} bytes, ${content.length - begin} are left`);
    at = begin + length;
    return hybridNumbers(content.subarray(begin, at), bitsFor(most), entries);
  };
  const repetition = levels(leaf.listLevels.length);
  const definition = levels(leaf.maxDefinition);
  const count = valueCount(definition, entries, leaf);
  return { entries, repetition, definition, values: decodeValues(content.subarray(at), encoding, leaf, count, dictionary) };
}

function pageV2(bytes: Uint8Array, header: Header, v2: NonNullable<Header['data_page_header_v2']>, codec: Chunk['codec'], leaf: Leaf, dictionary: PageValues | null): Page {
  const { num_values: entries, encoding, repetition_levels_byte_length: repetitionBytes, definition_levels_byte_length: definitionBytes } = v2;
  const levelBytes = repetitionBytes + definitionBytes;
  const levels = (most: number, begin: number, end: number) => most === 0 ? null : hybridNumbers(bytes.subarray(begin, end), bitsFor(most), entries);
  const repetition = levels(leaf.listLevels.length, 0, repetitionBytes);
  const definition = levels(leaf.maxDefinition, repetitionBytes, levelBytes);
  const size = header.uncompressed_page_size - levelBytes;
  const content = v2.is_compressed === false || size === 0 ? bytes.subarray(levelBytes) : inflated(bytes.subarray(levelBytes), size, codec);
  return { entries, repetition, definition, values: decodeValues(content, encoding, leaf, valueCount(definition, entries, leaf), dictionary) };
}

function inflated(bytes: Uint8Array, size: number, codec: Chunk['codec']): Uint8Array {
  return decompressPage(bytes, size, codec, compressors);
}

function valueCount(definition: Int32Array | null, entries: number, { maxDefinition }: Leaf): number {
  if (definition === null) return entries;
  let count = 0;
  for (let i = 0; i < definition.length; i++) if (definition[i] === maxDefinition) count++;
  return count;
}

function decodeValues(bytes: Uint8Array, encoding: string, leaf: Leaf, count: number, dictionary: PageValues | null): PageValues {
  const { type, type_length: length } = leaf.element;
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  switch (encoding) {
    case 'PLAIN': return plainValues(bytes, leaf, count);
    case 'PLAIN_DICTIONARY': case 'RLE_DICTIONARY': return fromDictionary(bytes, count, dictionary);
    case 'RLE': return Array.from(hybridNumbers(bytes.subarray(4), 1, count), bit => bit === 1); // booleans, after a length
    case 'BYTE_STREAM_SPLIT':
      if (count * elementBytes(leaf) > bytes.length) throw new RangeError(`${bytes.length} bytes do not hold ${count} values`);
      return byteStreamSplit(reader, count, type!, length) as PageValues;
    case 'DELTA_BINARY_PACKED': return deltaNumbers(reader, type === 'INT32' ? new Int32Array(count) : new BigInt64Array(count));
    case 'DELTA_LENGTH_BYTE_ARRAY': case 'DELTA_BYTE_ARRAY': {
      checkDelta(bytes);
      const values: Uint8Array[] = [];
      (encoding === 'DELTA_BYTE_ARRAY' ? deltaByteArray : deltaLengthByteArray)(reader, count, values);
      return values;
    }
    default: throw new RangeError(`encoding ${encoding} is not read`);
  }
}

function deltaNumbers<Numbers extends Int32Array | BigInt64Array>(reader: { view: DataView; offset: number }, values: Numbers): Numbers {
  if (values.length === 0) return values;
  checkDelta(new Uint8Array(reader.view.buffer, reader.view.byteOffset, reader.view.byteLength));
  deltaBinaryUnpack(reader, values.length, values);
  return values;
}

/** A block is a multiple of 128 values in a few miniblocks; the library believes any number. */
function checkDelta(bytes: Uint8Array): void {
  let at = 0;
  const next = () => {
    if (at >= bytes.length) throw new RangeError('a page ends in its header');
    return bytes[at++]!;
  };
  const block = varint(next), miniblocks = varint(next);
  if (block === 0 || block > 1 << 16 || miniblocks === 0 || miniblocks > block) throw new RangeError(`blocks of ${block} values in ${miniblocks} parts`);
}

function plainValues(bytes: Uint8Array, leaf: Leaf, count: number): PageValues {
  if (count * elementBytes(leaf) > bytes.length) throw new RangeError(`${bytes.length} bytes do not hold ${count} values`);
  return readPlain({ view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }, leaf.element.type!, count, leaf.element.type_length) as PageValues;
}

/** Least bytes of a plain value. */
function elementBytes({ element: { type, type_length: length = 0 } }: Leaf): number {
  switch (type) {
    case 'BOOLEAN': return 1 / 8;
    case 'INT64': case 'DOUBLE': return 8;
    case 'FIXED_LEN_BYTE_ARRAY': return length;
    default: return 4;
  }
}

function fromDictionary(bytes: Uint8Array, count: number, dictionary: PageValues | null): PageValues {
  if (count === 0) return [];
  if (dictionary === null) throw new RangeError('a page of indices without a dictionary');
  const indices = hybridNumbers(bytes.subarray(1), bytes[0] ?? 0, count);
  const wrong = indices.find(index => index < 0 || index >= dictionary.length);
  if (wrong !== undefined) throw new RangeError(`index ${wrong} into a dictionary of ${dictionary.length}`);
  if (Array.isArray(dictionary)) return Array.from(indices, index => dictionary[index] as Uint8Array);
  const typed = dictionary as Int32Array;
  const values = new (typed.constructor as Int32ArrayConstructor)(count);
  for (let i = 0; i < count; i++) values[i] = typed[indices[i]!]!;
  return values;
}
