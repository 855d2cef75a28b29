import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

import { QuantpipeError } from '../base/errors.ts';
import { bitsPerElement } from './data-types.ts';
import type { TensorProto } from './messages.ts';
import { changedMessage } from './schema.ts';

/** One of TensorProto's typed fields, which schema.ts leaves undecoded: its number, and bytes a value (0: a varint). */
interface TypedField {
  readonly name: string;
  readonly number: number;
  readonly size: number;
}

const float: TypedField = { name: 'float_data', number: 4, size: 4 };
const int32: TypedField = { name: 'int32_data', number: 5, size: 0 };
const strings: TypedField = { name: 'string_data', number: 6, size: 0 };
const int64: TypedField = { name: 'int64_data', number: 7, size: 0 };
const double: TypedField = { name: 'double_data', number: 10, size: 8 };
const uint64: TypedField = { name: 'uint64_data', number: 11, size: 0 };

/** The typed field that holds elements of a type which is not in int32_data, by element type code. */
const fieldByCode: Readonly<Record<number, TypedField>> = {
  1: float, 7: int64, 8: strings, 11: double, 12: uint64, 13: uint64, 14: float, 15: double,
};

/** The typed field in which `tensor` keeps its content, or null where that is empty and raw_data (or nothing) is used. */
export function typedFieldOf(tensor: TensorProto): TypedField | null {
  const field = fieldByCode[tensor.dataType] ?? int32;
  if (field === strings) return strings;
  return tensor.$unknown?.some(({ no }) => no === field.number) ? field : null;
}

/** Types with two values an element: complex numbers. */
const COMPLEX: readonly number[] = [14, 15];

/** How many values a typed field must hold for `count` elements. Elements narrower than a byte share one value. */
export function typedValues(code: number, count: number): number {
  return COMPLEX.includes(code) ? 2 * count : Math.ceil((count * Math.min(bitsPerElement(code) ?? 8, 8)) / 8);
}

/**
 * How many values the field holds, counted without decoding them.
 *
 * @param what how messages call the tensor
 * @throws `model-malformed` where an integer is longer than any of 64 bits, or cut off
 */
export function countTyped(tensor: TensorProto, field: TypedField, what: string): number {
  if (field === strings) return tensor.stringData.length;
  const bytes = typedBytes(tensor, field);
  if (field.size > 0) return bytes.length / field.size;
  let count = 0;
  let begin = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i]! >= 0x80) continue; // a varint's last byte has its high bit clear
    if (i - begin >= MAX_VARINT) throw new QuantpipeError('model-malformed', `value ${count} in ${field.name} of ${what} takes ${i + 1 - begin} bytes, and an integer takes at most ${MAX_VARINT}`);
    count++;
    begin = i + 1;
  }
  if (begin < bytes.length) throw new QuantpipeError('model-malformed', `${field.name} of ${what} ends in the middle of value ${count}`);
  return count;
}

/** Bytes of 64 bits, seven a byte. */
const MAX_VARINT = 10;

/** The bytes of float_data or double_data: values one after another, little-endian. */
export function floatBytes(tensor: TensorProto): Uint8Array {
  return typedBytes(tensor, typedFieldOf(tensor)!);
}

/** Decode int32_data into `out`, which keeps the low bits of each value. */
export function readInt32(tensor: TensorProto, out: { [index: number]: number; readonly length: number }): void {
  const reader = new BinaryReader(typedBytes(tensor, int32));
  for (let i = 0; i < out.length; i++) out[i] = reader.int32();
}

/** Decode int64_data. */
export function readInt64(tensor: TensorProto, count: number): BigInt64Array {
  const reader = new BinaryReader(typedBytes(tensor, int64));
  return BigInt64Array.from({ length: count }, () => BigInt(reader.int64()));
}

/** Decode uint64_data. */
export function readUint64(tensor: TensorProto, count: number): BigUint64Array {
  const reader = new BinaryReader(typedBytes(tensor, uint64));
  return BigUint64Array.from({ length: count }, () => BigInt(reader.uint64()));
}

/**
 * The payload of a field, packed or not. A writer may also split it into several runs, which then follow each other.
 * The library hands out packed runs with their length in front.
 */
function typedBytes(tensor: TensorProto, { number }: TypedField): Uint8Array {
  const runs = (tensor.$unknown ?? []).filter(({ no }) => no === number)
    .map(({ wireType, data }) => wireType === WireType.LengthDelimited ? new BinaryReader(data).bytes() : data);
  return runs.length === 1 ? runs[0]! : Uint8Array.from(Buffer.concat(runs));
}

/** The message without its typed fields. */
export function withoutTypedData(tensor: TensorProto): TensorProto {
  const fields = [float, int32, int64, double, uint64].map(({ number }) => number);
  return changedMessage(tensor, { $unknown: tensor.$unknown?.filter(({ no }) => !fields.includes(no)) ?? [] });
}
