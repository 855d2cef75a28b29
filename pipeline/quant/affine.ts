import { type Encoding } from './encoding.ts';

/** ONNX's terms for an {@link Encoding}: `real = scale * (q - zeroPoint)` with q in a stored integer type. */
export interface Affine {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** `lowestCode` is the stored integer that stands for code 0: 0 for uint8, -128 for int8, -127 for strict int8. */
export function toAffine({ delta, offset }: Encoding, lowestCode: number): Affine {
  return { scale: delta, zeroPoint: lowestCode - offset };
}
