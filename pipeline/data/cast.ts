import { QuantpipeError } from '../base/errors.ts';
import { floatsFromHalves, halvesFromFloats } from '../base/half.ts';
import type { DType } from '../base/tensor.ts';

/** Column values as Arrow holds them: float16 as bit patterns in a Uint16Array. */
export type Values = Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | BigInt64Array | BigUint64Array;

const FLOATS: readonly DType[] = ['float16', 'float32', 'float64'];

/** Smallest and largest value of each integer type that a model may read. */
const RANGES: Partial<Record<DType, readonly [bigint, bigint]>> = {
  bool: [0n, 1n], int8: [-128n, 127n], uint8: [0n, 255n], int16: [-32768n, 32767n], uint16: [0n, 65535n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n], uint32: [0n, 2n ** 32n - 1n], int64: [-(2n ** 63n), 2n ** 63n - 1n], uint64: [0n, 2n ** 64n - 1n],
};

/** Whether a column of type `from` may feed an input of type `to`: numbers feed floats, whole numbers feed integers. */
export function canCast(from: DType, to: DType): boolean {
  if (from === 'string' || to === 'string') return false;
  if (FLOATS.includes(to)) return true;
  return to in RANGES && !FLOATS.includes(from);
}

/** Column values as plain numbers: bit patterns of float16 decoded, 64-bit integers rounded to float64. Not copied where they are numbers already. */
export function numbers(values: Values, from: DType): Exclude<Values, BigInt64Array | BigUint64Array> {
  if (from === 'float16') return floatsFromHalves(values as Uint16Array);
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) return Float64Array.from(values, Number);
  return values;
}

/** Values as the model reads them. A column that has the input's type already is not copied. */
export function castValues(values: Values, from: DType, to: DType, where: string): Values {
  if (from === to && from !== 'bool') return values;
  switch (to) {
    case 'float32': return new Float32Array(numbers(values, from));
    case 'float64': return new Float64Array(numbers(values, from));
    case 'float16': return encodeHalf(numbers(values, from));
    default: return castIntegers(values, to, where);
  }
}

/** Float32 values in the float type of the input. */
export function fromFloat32(values: Float32Array, to: DType): Values {
  if (to === 'float16') return encodeHalf(values);
  return to === 'float64' ? new Float64Array(values) : values;
}

function castIntegers(values: Values, to: DType, where: string): Values {
  const [min, max] = RANGES[to]!;
  for (const value of values) {
    if (value < min || value > max) throw new QuantpipeError('data-invalid', `${where} holds ${value}, the model reads ${to}: ${min} to ${max}`);
  }
  switch (to) {
    case 'int8': return Int8Array.from(values as Int32Array, Number);
    case 'int16': return Int16Array.from(values as Int32Array, Number);
    case 'uint16': return Uint16Array.from(values as Int32Array, Number);
    case 'int32': return Int32Array.from(values as Int32Array, Number);
    case 'uint32': return Uint32Array.from(values as Int32Array, Number);
    case 'int64': return BigInt64Array.from(values as BigInt64Array, BigInt);
    case 'uint64': return BigUint64Array.from(values as BigUint64Array, BigInt);
    default: return Uint8Array.from(values as Int32Array, Number);
  }
}

function encodeHalf(values: Exclude<Values, BigInt64Array | BigUint64Array>): Uint16Array {
  return halvesFromFloats(values instanceof Float32Array ? values : Float32Array.from(values));
}
