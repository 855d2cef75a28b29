// The values of a page, by their encoding.
// https://parquet.apache.org/docs/file-format/data-pages/encodings/

import { byteStreamSplit, deltaBinaryUnpack, deltaByteArray, deltaLengthByteArray, readPlain } from './hyparquet.ts';
import type { Leaf } from './leaf.ts';
import { HybridNumbers, varint } from './levels.ts';

/** Most values believed of a page that is decoded at once. */
const MAX_DELTA_VALUES = 1 << 25;

/** Values as a page stores them: typed numbers, booleans as bytes, or byte strings one after another. */
export type PageValues = Exclude<ReturnType<typeof readPlain>, unknown[]> | readonly Uint8Array[];

/** Hands out the next `count` values. */
export type TakeValues = (count: number) => PageValues;

/** @param most values there may be; with nulls there are fewer */
export function valuesOf(bytes: Uint8Array, encoding: string, leaf: Leaf, most: number, dictionary: PageValues | null): TakeValues {
  switch (encoding) {
    case 'PLAIN': return leaf.element.type === 'BYTE_ARRAY' ? plainBytes(bytes) : inOrder(() => plainValues(bytes, leaf, Math.min(most, Math.floor(bytes.length / elementBytes(leaf)))));
    case 'PLAIN_DICTIONARY': case 'RLE_DICTIONARY': return fromDictionary(bytes, dictionary);
    case 'RLE': {
      const bits = new HybridNumbers(bytes.subarray(4), 1); // booleans, after a length
      return count => Uint8Array.from(bits.take(count));
    }
    default: return inOrder(() => decodeValues(bytes, encoding, leaf, most));
  }
}

/** Encodings that are decoded at once. */
function inOrder(decode: () => PageValues): TakeValues {
  let values: PageValues | null = null, at = 0;
  return count => {
    if (count === 0) return [];
    values ??= decode();
    if (at + count > values.length) throw new RangeError(`a page of ${values.length} values, at least ${at + count} are declared`);
    return slice(values, at, at += count);
  };
}

/** Byte strings, each after its length; views. */
function plainBytes(bytes: Uint8Array): TakeValues {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  return count => {
    const values: Uint8Array[] = [];
    while (values.length < count) {
      const begin = at + 4, end = begin + view.getUint32(at, true);
      if (end > bytes.length) throw new RangeError(`a value of ${end - begin} bytes, ${bytes.length - begin} are left`);
      values.push(bytes.subarray(begin, at = end));
    }
    return values;
  };
}

/** Some of the values, sharing their memory where they are numbers. */
export function slice(values: PageValues, begin: number, end: number): PageValues {
  return Array.isArray(values) ? values.slice(begin, end) : (values as Float32Array).subarray(begin, end);
}

function decodeValues(bytes: Uint8Array, encoding: string, leaf: Leaf, most: number): PageValues {
  const { type, type_length: length } = leaf.element;
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  switch (encoding) {
    case 'BYTE_STREAM_SPLIT': return byteStreamSplit(reader, Math.floor(bytes.length / elementBytes(leaf)), type!, length) as PageValues;
    case 'DELTA_BINARY_PACKED': {
      const values = type === 'INT32' ? new Int32Array(deltaCount(bytes, most)) : new BigInt64Array(deltaCount(bytes, most));
      deltaBinaryUnpack(reader, values.length, values);
      return values;
    }
    case 'DELTA_LENGTH_BYTE_ARRAY': case 'DELTA_BYTE_ARRAY': {
      const values: Uint8Array[] = [];
      (encoding === 'DELTA_BYTE_ARRAY' ? deltaByteArray : deltaLengthByteArray)(reader, deltaCount(bytes, most), values);
      return values;
    }
    default: throw new RangeError(`encoding ${encoding} is not read`);
  }
}

/** Values that a delta-encoded page says it holds, in blocks of a multiple of 128 in a few parts; the library believes any numbers. */
function deltaCount(bytes: Uint8Array, most: number): number {
  let at = 0;
  const next = () => {
    if (at >= bytes.length) throw new RangeError('a page ends in its header');
    return bytes[at++]!;
  };
  const block = varint(next), parts = varint(next), count = varint(next);
  if (block === 0 || block > 1 << 16 || parts === 0 || parts > block) throw new RangeError(`blocks of ${block} values in ${parts} parts`);
  if (count > Math.min(most, MAX_DELTA_VALUES)) throw new RangeError(`${count} values in a page of at most ${Math.min(most, MAX_DELTA_VALUES)}`);
  return count;
}

export function plainValues(bytes: Uint8Array, leaf: Leaf, count: number): PageValues {
  if (count * elementBytes(leaf) > bytes.length) throw new RangeError(`${bytes.length} bytes do not hold ${count} values`);
  const values = readPlain({ view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }, leaf.element.type!, count, leaf.element.type_length);
  return leaf.element.type === 'BOOLEAN' ? Uint8Array.from(values as boolean[], Number) : values as PageValues;
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

function fromDictionary(bytes: Uint8Array, dictionary: PageValues | null): TakeValues {
  const numbers = new HybridNumbers(bytes.subarray(1), bytes[0] ?? 0);
  return count => {
    if (count === 0) return [];
    if (dictionary === null) throw new RangeError('a page of indices without a dictionary');
    const indices = numbers.take(count);
    const wrong = indices.find(index => index < 0 || index >= dictionary.length);
    if (wrong !== undefined) throw new RangeError(`index ${wrong} into a dictionary of ${dictionary.length}`);
    if (Array.isArray(dictionary)) return Array.from(indices, index => dictionary[index] as Uint8Array);
    const typed = dictionary as Int32Array;
    const values = new (typed.constructor as Int32ArrayConstructor)(count);
    for (let i = 0; i < count; i++) values[i] = typed[indices[i]!]!;
    return values;
  };
}
