import type { DType, TensorData } from '../base/tensor.ts';
import type { TensorProto } from './messages.ts';
import { floatBytes, readInt32, readInt64, readUint64 } from './typed-data.ts';

/** The array that holds elements of each type but strings; see {@link DType}. */
const arrays = {
  float32: Float32Array, float64: Float64Array, float16: Uint16Array, bfloat16: Uint16Array,
  int4: Int8Array, uint4: Uint8Array, int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array,
  int32: Int32Array, uint32: Uint32Array, int64: BigInt64Array, uint64: BigUint64Array, bool: Uint8Array,
} as const satisfies Record<Exclude<DType, 'string'>, unknown>;

/** Elements from their raw_data form: a view of `bytes` where their alignment allows it. */
export function fromRaw(bytes: Uint8Array, dtype: DType, count: number): TensorData {
  if (dtype === 'string') return [];
  if (dtype === 'int4' || dtype === 'uint4') return unpackNibbles(bytes, dtype, count);
  const { buffer, byteOffset } = bytes.byteOffset % arrays[dtype].BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes); // not slice(): a Buffer's is a view
  return new arrays[dtype](buffer as ArrayBuffer, byteOffset, count);
}

/** Elements from the typed field that the format gives to their type. */
export function fromTyped(tensor: TensorProto, dtype: DType, count: number): TensorData {
  switch (dtype) {
    case 'float32': case 'float64': return fromRaw(floatBytes(tensor), dtype, count);
    case 'string': return tensor.stringData.map(bytes => new TextDecoder().decode(bytes));
    case 'int64': return readInt64(tensor, count);
    case 'uint64': return readUint64(tensor, count);
    case 'uint32': return Uint32Array.from(readUint64(tensor, count), Number);
    case 'int4': case 'uint4': {
      const packed = new Uint8Array(Math.ceil(count / 2));
      readInt32(tensor, packed);
      return unpackNibbles(packed, dtype, count);
    }
    case 'float16': case 'bfloat16': case 'int8': case 'uint8': case 'int16': case 'uint16': case 'int32': case 'bool': {
      const values = new arrays[dtype](count);
      readInt32(tensor, values);
      return values;
    }
  }
}

/** The raw_data form of elements: a view of them, but for 4-bit types. */
export function toRaw(data: Exclude<TensorData, string[]>, dtype: DType): Uint8Array {
  if (dtype === 'int4' || dtype === 'uint4') return packNibbles(data as Int8Array | Uint8Array);
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

/** Two elements a byte, the first in the low half. */
function unpackNibbles(bytes: Uint8Array, dtype: 'int4' | 'uint4', count: number): Int8Array | Uint8Array {
  const values = new arrays[dtype](count);
  for (let i = 0; i < count; i++) {
    const nibble = (bytes[i >> 1]! >> ((i & 1) << 2)) & 15;
    values[i] = dtype === 'int4' ? (nibble << 28) >> 28 : nibble;
  }
  return values;
}

function packNibbles(values: Int8Array | Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(values.length / 2));
  for (let i = 0; i < values.length; i++) bytes[i >> 1]! |= (values[i]! & 15) << ((i & 1) << 2);
  return bytes;
}
