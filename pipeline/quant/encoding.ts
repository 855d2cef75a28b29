import { check } from '../base/check.ts';
import { type Grid, steps } from './grid.ts';

/**
 * The affine map of one tensor (or one channel) onto an integer grid:
 *
 *     real = delta * (code + offset),   code = 0 ... steps(grid)
 *
 * `offset` is never positive: it is the multiple of `delta` at which code 0 lies. ONNX counts
 * the other way, `real = scale * (q - zeroPoint)`; only quant/affine.ts converts between the two.
 */
export interface Encoding {
  /** Smallest representable real value, `delta * offset`. */
  readonly min: number;
  /** Largest representable real value, `delta * (steps + offset)`. */
  readonly max: number;
  /** Width of one step. Positive. */
  readonly delta: number;
  /** Integer, `-steps` to 0. */
  readonly offset: number;
  readonly grid: Grid;
}

/** Narrowest range that {@link fitEncoding} gives, so that an all-zero tensor still gets a positive delta. AIMET's value. */
export const MIN_RANGE = 0.01;

/** Largest float32: what an infinite end stands for, and the farthest that an encoding reaches. */
const MAX_FLOAT = 2 ** 128 - 2 ** 104;

/**
 * Fit an encoding to the closed range [min, max] of real values. Equal to AIMET's to the last digit.
 *
 * The range is first widened to hold zero, and to {@link MIN_RANGE}; zero is then exactly representable: some code maps to it
 * with no error. A symmetric grid puts its highest code on the end farther from zero; an asymmetric one keeps the width of
 * the range and shifts it by less than half a delta, to put a code on zero. An infinite end becomes the largest float32.
 *
 * @param min smallest real value to cover
 * @param max largest real value to cover, at least `min`
 * @see AIMET, DlQuantization/quantization_utils.cpp, getComputedEncodings; its twin here is assembly/fit-encoding.ts
 */
export function fitEncoding(min: number, max: number, grid: Grid): Encoding {
  check(min <= max, `a range runs from its min to its max, got [${min}, ${max}]`);
  const low = Math.min(min, 0);
  const high = Math.max(max, 0, low + MIN_RANGE);
  const fit = isCentred(grid, low) ? fitCentred : fitAsymmetric;
  return fit(Math.max(low, -MAX_FLOAT), Math.min(high, MAX_FLOAT), grid);
}

function isCentred({ symmetry }: Grid, min: number): boolean {
  return symmetry !== 'asymmetric' && (symmetry !== 'unsigned-symmetric' || min < 0);
}

function fitCentred(min: number, max: number, grid: Grid): Encoding {
  const above = Math.floor(steps(grid) / 2);
  const offset = above - steps(grid);
  const delta = Math.max(-min, max) / above;
  return { min: Math.max(delta * offset, -MAX_FLOAT), max: Math.min(delta * above, MAX_FLOAT), delta, offset, grid };
}

function fitAsymmetric(min: number, max: number, grid: Grid): Encoding {
  const delta = (max - min) / steps(grid);
  const offset = 0 - Math.round(-min / delta); // a tie goes away from zero, as in AIMET; never -0
  if (min === 0 || max === 0) return { min: min + 0, max: max + 0, delta, offset, grid };
  return { min: delta * offset, max: max - min + delta * offset, delta, offset, grid };
}
