import type { DType } from '../base/tensor.ts';

/** How an ONNX element type is called here and stored: `bits` an element in raw_data; 0 for strings, which have no raw form. */
interface ElementType {
  readonly code: number;
  readonly dtype: DType;
  readonly bits: number;
}

// TensorProto.DataType. Those that are not here (complex numbers, float8 and narrower floats, 2-bit integers) are
// carried from reader to writer and called 'other'.
const elementTypes: readonly ElementType[] = [
  { code: 1, dtype: 'float32', bits: 32 },
  { code: 2, dtype: 'uint8', bits: 8 },
  { code: 3, dtype: 'int8', bits: 8 },
  { code: 4, dtype: 'uint16', bits: 16 },
  { code: 5, dtype: 'int16', bits: 16 },
  { code: 6, dtype: 'int32', bits: 32 },
  { code: 7, dtype: 'int64', bits: 64 },
  { code: 8, dtype: 'string', bits: 0 },
  { code: 9, dtype: 'bool', bits: 8 },
  { code: 10, dtype: 'float16', bits: 16 },
  { code: 11, dtype: 'float64', bits: 64 },
  { code: 12, dtype: 'uint32', bits: 32 },
  { code: 13, dtype: 'uint64', bits: 64 },
  { code: 16, dtype: 'bfloat16', bits: 16 },
  { code: 21, dtype: 'uint4', bits: 4 },
  { code: 22, dtype: 'int4', bits: 4 },
];

/** The types that this program carries without reading them, and their bits an element. */
const foreignTypes: Readonly<Record<number, readonly [name: string, bits: number]>> = {
  14: ['complex64', 64], 15: ['complex128', 128], 17: ['float8e4m3fn', 8], 18: ['float8e4m3fnuz', 8], 19: ['float8e5m2', 8], 20: ['float8e5m2fnuz', 8],
  23: ['float4e2m1', 4], 24: ['float8e8m0', 8], 25: ['uint2', 2], 26: ['int2', 2],
};

const byCode = new Map(elementTypes.map(type => [type.code, type]));
const byDType = new Map(elementTypes.map(type => [type.dtype, type]));

/** The type an ONNX element type code stands for, or null where this program has none for it. */
export function dtypeOf(code: number): DType | null {
  return byCode.get(code)?.dtype ?? null;
}

/** The ONNX name of a type that this program has no dtype for; null for the others, and for none at all. */
export function foreignTypeOf(code: number): string | null {
  return code === 0 || byCode.has(code) ? null : foreignTypes[code]?.[0] ?? `element type ${code}`;
}

export function elementTypeCode(dtype: DType): number {
  return byDType.get(dtype)!.code;
}

/** Bits of an element in raw_data; null for strings, and for codes of newer versions of the format. */
export function bitsPerElement(code: number): number | null {
  return (byCode.get(code)?.bits ?? foreignTypes[code]?.[1]) || null;
}
