import { check } from '../base/check.ts';
import { QuantpipeError } from '../base/errors.ts';
import { toAffine } from './affine.ts';
import type { Encoding } from './encoding.ts';
import { forEachRun, type Split } from './granularity.ts';
import { type Grid, steps } from './grid.ts';

/** Integer types that codes are stored in. */
export type StoredType = 'uint4' | 'int4' | 'uint8' | 'int8' | 'uint16' | 'int16';

/** Where the codes of a grid lie in an integer type: code 0 is stored as `lowest`, the highest code as `highest`. */
export interface Storage {
  readonly dtype: StoredType;
  readonly lowest: number;
  readonly highest: number;
  /** True where the type's own saturation clips exactly at the grid's ends. */
  readonly saturates: boolean;
}

/** Wider grids have no integer type in ONNX's quantization operators; they exist in simulation. */
export const WIDEST_STORED = 16;

/**
 * The narrowest type that holds the codes of `grid`. Narrow grids lie at the low end of an unsigned type (0 … 2^b - 1) and around
 * zero in a signed one. A mirrored (strict) grid leaves the lowest integer out, so that zero is stored as the same integer as on
 * the full symmetric grid: 128, or 0 where signed.
 *
 * @param least bits of the narrowest type to take
 */
export function storageOf(grid: Grid, signed: boolean, least: 4 | 8 = 4): Storage {
  if (grid.bitwidth > WIDEST_STORED) throw new QuantpipeError('op-unsupported', `integer types of ONNX quantization hold at most ${WIDEST_STORED} bits, got ${grid.bitwidth}`);
  const bits = [4, 8, 16].find(width => width >= Math.max(least, grid.bitwidth)) as 4 | 8 | 16;
  const lowest = (signed ? -(2 ** (grid.bitwidth - 1)) : 0) + (grid.symmetry === 'strict-symmetric' ? 1 : 0);
  return { dtype: `${signed ? 'int' : 'uint'}${bits}`, lowest, highest: lowest + steps(grid), saturates: steps(grid) === 2 ** bits - 1 };
}

/** The float32 that stands for an encoding's delta in every model, simulated or exported. */
export const scaleOf = ({ delta }: Encoding): number => Math.fround(delta);

/**
 * Quantize to stored integers as ONNX's QuantizeLinear does: float32 division, ties to even, saturation at the ends of the grid. NaN, of which
 * ONNX says nothing, becomes the lowest code, here as in the kernels.
 *
 * @param encodings one per encoding of `split`
 */
export function toStored(values: Float32Array, split: Split, encodings: readonly Encoding[], { lowest, highest }: Storage): Int32Array {
  checkCount(split, encodings);
  const stored = new Int32Array(values.length);
  forEachRun(split, (number, start, end) => {
    const encoding = encodings[number]!;
    const scale = scaleOf(encoding);
    const { zeroPoint } = toAffine(encoding, lowest);
    for (let i = start; i < end; i++) {
      const code = roundHalfEven(Math.fround(values[i]! / scale)) + zeroPoint;
      stored[i] = code >= lowest ? Math.min(code, highest) : lowest;
    }
  });
  return stored;
}

/**
 * Quantize and dequantize. On grids of up to 16 bits in float32: what {@link toStored} and ONNX's DequantizeLinear give together. On wider
 * ones in float64, and the result is rounded to float32: in float32 the division alone would be wrong by a step and more.
 *
 * @param encodings one per encoding of `split`
 */
export function fakeQuantized(values: Float32Array, split: Split, encodings: readonly Encoding[]): Float32Array {
  checkCount(split, encodings);
  const rounded = new Float32Array(values.length);
  forEachRun(split, (number, start, end) => {
    const encoding = encodings[number]!;
    const scale = scaleOf(encoding);
    const quotient = encoding.grid.bitwidth > WIDEST_STORED ? (x: number) => x / scale : (x: number) => Math.fround(x / scale);
    const lowest = encoding.offset, highest = encoding.offset + steps(encoding.grid);
    for (let i = start; i < end; i++) {
      const code = roundHalfEven(quotient(values[i]!));
      rounded[i] = (code >= lowest ? Math.min(code, highest) : lowest) * scale;
    }
  });
  return rounded;
}

/** Adding and taking away 1.5 × 2^52 leaves a float64 no fraction bits; the addition rounds ties to even. */
const NO_FRACTION = 1.5 * 2 ** 52;

/** Nearest integer, ties to even; exact below 2^51. */
export const roundHalfEven = (x: number): number => Math.abs(x) < 2 ** 51 ? x + NO_FRACTION - NO_FRACTION : x;

function checkCount(split: Split, encodings: readonly Encoding[]): void {
  check(encodings.length === split.encodings, `${encodings.length} encodings for a tensor that has ${split.encodings}`);
}
