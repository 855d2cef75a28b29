import { check } from './check.ts';

/** Element types, named as in ONNX's and numpy's lower-case forms. 4-bit types are held unpacked, one element a byte. */
export type DType =
  | 'float32' | 'float64' | 'float16' | 'bfloat16'
  | 'int4' | 'uint4' | 'int8' | 'uint8' | 'int16' | 'uint16' | 'int32' | 'uint32' | 'int64' | 'uint64'
  | 'bool' | 'string';

export type TensorData =
  | Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array
  | BigInt64Array | BigUint64Array | string[];

/** A dense tensor in row-major order. float16 and bfloat16 hold their bit patterns in a Uint16Array; bool is a byte, 0 or 1. */
export interface Tensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** What a model reads: name, element type, and shape as it declares it (a number, or a symbol or null where free; null where not even the rank is said). */
export interface SessionInput {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly (number | string | null)[] | null;
}

/** Tensors by the model input that they are for. */
export type Feeds = Readonly<Record<string, Tensor>>;

/** Number of elements of a tensor with these dimensions; 1 for a scalar. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((count, dim) => count * dim, 1);
}

export function float32Tensor(dims: readonly number[], data: Float32Array): Tensor {
  check(data.length === elementCount(dims), `${data.length} elements for dims [${dims.join(', ')}]`);
  return { dtype: 'float32', dims, data };
}
