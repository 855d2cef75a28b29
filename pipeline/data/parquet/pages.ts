// The pages of one column chunk, read and decoded one at a time: a row group may be of any size, a page is about a megabyte.
// https://parquet.apache.org/docs/file-format/data-pages/

import { QuantpipeError } from '../../base/errors.ts';
import { take, type StoredBytes } from '../byte-reader.ts';
import { decompress } from './codecs.ts';
import { parquetHeader, type RowGroup } from './hyparquet.ts';
import type { Leaf } from './leaf.ts';
import { bitsFor, HybridNumbers } from './levels.ts';
import { type PageValues, plainValues, type TakeValues, valuesOf } from './page-values.ts';

/** Most bytes believed of one page; writers aim at 1 MiB, and never split one value. */
const MAX_PAGE_BYTES = 1 << 28;
/** A page is decoded in pieces of so many entries: runs of equal values may stand for any number of them in a few bytes. */
const PIECE_ENTRIES = 1 << 16;
/** A page header, unless it holds long statistics; then more is read. */
const HEADER_BYTES = 1 << 10;
const MAX_HEADER_BYTES = 1 << 24;
/** How far each codec can shrink what it stores; the others have no such bound. */
const MAX_RATIO: Readonly<Record<string, number>> = { UNCOMPRESSED: 1, SNAPPY: 64, GZIP: 1032, LZ4: 256, LZ4_RAW: 256 };

/** A decoded page, or a piece of one: for each entry the levels (null: all the same), and the values of those that have one. */
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
    decoding(where, () => checkSizes(header, end - bodyAt, chunk.codec, where));
    at = bodyAt + size;
    if (header.type === 'INDEX_PAGE') continue;
    const bytes = await take(file.from(bodyAt), size, `a page of column '${leaf.path}'`);
    if (header.type === 'DICTIONARY_PAGE') {
      dictionary = decoding(where, () => plainValues(decompress(bytes, header.uncompressed_page_size, chunk.codec), leaf, header.dictionary_page_header?.num_values ?? 0));
      continue;
    }
    const page = decoding(where, () => openPage(bytes, header, chunk.codec, leaf, dictionary));
    for (let left = page.entries; left > 0; left -= PIECE_ENTRIES) {
      const piece = decoding(where, () => takePiece(page, Math.min(left, PIECE_ENTRIES), leaf));
      entries += piece.entries;
      yield piece;
    }
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
      if (bytes.length === count && count < MAX_HEADER_BYTES) continue; // longer than was read, perhaps
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
  if (!(values >= 0)) throw fail(`${values} values`);
  if (v2) {
    const { definition_levels_byte_length: definition, repetition_levels_byte_length: repetition, num_nulls: nulls } = v2;
    if (!(definition >= 0 && repetition >= 0 && definition + repetition <= Math.min(stored, size))) throw fail(`levels of ${definition + repetition} bytes, it has ${stored}`);
    if (!(nulls >= 0 && nulls <= values)) throw fail(`${nulls} nulls of ${values} values`);
  }
}

/** A page whose levels and values are taken in order. */
interface OpenPage {
  readonly entries: number;
  readonly repetition: HybridNumbers | null;
  readonly definition: HybridNumbers | null;
  readonly take: TakeValues;
}

function takePiece({ repetition, definition, take }: OpenPage, entries: number, { maxDefinition }: Leaf): Page {
  const defined = definition?.take(entries) ?? null;
  let count = entries;
  if (defined !== null) for (let i = 0; i < entries; i++) if (defined[i] !== maxDefinition) count--;
  return { entries, repetition: repetition?.take(entries) ?? null, definition: defined, values: take(count) };
}

function openPage(bytes: Uint8Array, header: Header, codec: Chunk['codec'], leaf: Leaf, dictionary: PageValues | null): OpenPage {
  const { data_page_header: v1, data_page_header_v2: v2, uncompressed_page_size: size } = header;
  if (header.type === 'DATA_PAGE' && v1) return pageV1(decompress(bytes, size, codec), v1, leaf, dictionary);
  if (header.type === 'DATA_PAGE_V2' && v2) return pageV2(bytes, size, v2, codec, leaf, dictionary);
  throw new RangeError(`a page of type ${header.type ?? 'none'}`);
}

/** Levels, each after its length, and values. */
function pageV1(content: Uint8Array, { num_values: entries, encoding }: NonNullable<Header['data_page_header']>, leaf: Leaf, dictionary: PageValues | null): OpenPage {
  let at = 0;
  const levels = (most: number): HybridNumbers | null => {
    if (most === 0) return null;
    const length = new DataView(content.buffer, content.byteOffset + at, 4).getUint32(0, true);
    const begin = at + 4;
    if (begin + length > content.length) throw new RangeError(`levels of ${length} bytes, ${content.length - begin} are left`);
    at = begin + length;
    return new HybridNumbers(content.subarray(begin, at), bitsFor(most));
  };
  const repetition = levels(leaf.listLevels.length);
  const definition = levels(leaf.maxDefinition);
  return { entries, repetition, definition, take: valuesOf(content.subarray(at), encoding, leaf, entries, dictionary) };
}

/** Levels, which are never compressed, and values. */
function pageV2(bytes: Uint8Array, size: number, v2: NonNullable<Header['data_page_header_v2']>, codec: Chunk['codec'], leaf: Leaf, dictionary: PageValues | null): OpenPage {
  const { num_values: entries, num_nulls: nulls, encoding, repetition_levels_byte_length: repetitionBytes, definition_levels_byte_length: definitionBytes } = v2;
  const levelBytes = repetitionBytes + definitionBytes;
  const levels = (most: number, begin: number, end: number) => most === 0 ? null : new HybridNumbers(bytes.subarray(begin, end), bitsFor(most));
  const repetition = levels(leaf.listLevels.length, 0, repetitionBytes);
  const definition = levels(leaf.maxDefinition, repetitionBytes, levelBytes);
  const isStored = v2.is_compressed === false || size === levelBytes;
  const content = isStored ? bytes.subarray(levelBytes) : decompress(bytes.subarray(levelBytes), size - levelBytes, codec);
  return { entries, repetition, definition, take: valuesOf(content, encoding, leaf, entries - nulls, dictionary) };
}
