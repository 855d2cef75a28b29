import type { DType } from '../base/tensor.ts';

/** TensorProto.DataType, the numbers by which attributes such as Cast's `to` name element types. */
const codes: Readonly<Record<number, DType>> = {
  1: 'float32', 2: 'uint8', 3: 'int8', 4: 'uint16', 5: 'int16', 6: 'int32', 7: 'int64', 8: 'string', 9: 'bool',
  10: 'float16', 11: 'float64', 12: 'uint32', 13: 'uint64', 16: 'bfloat16', 21: 'uint4', 22: 'int4',
};

/** The element type of an ONNX data type number; null for those that this program does not handle (complex, 8-bit floats). */
export function elementTypeOf(code: number): DType | null {
  return codes[code] ?? null;
}

/** The ONNX data type number of an element type. */
export function elementTypeCode(dtype: DType): number {
  return Number(Object.keys(codes).find(code => codes[Number(code)] === dtype));
}
