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

/** Narrowest range an encoding may have, so that an all-zero tensor still gets a positive delta. */
export const MIN_RANGE = 0.01;

/**
 * Fit an encoding to the closed range [min, max] of real values.
 *
 * The range is first widened to hold zero, and to {@link MIN_RANGE}; zero is then exactly
 * representable: some code maps to it with no error.
 *
 * @param min smallest real value to cover; finite
 * @param max largest real value to cover; finite, at least `min`
 * @see AIMET, DlQuantization/quantization_utils.cpp, getComputedEncodings
 */
export function fitEncoding(min: number, max: number, grid: Grid): Encoding {
  min = Math.min(min, 0);
  max = Math.max(max, 0, min + MIN_RANGE);
  return isCentred(grid, min) ? fitCentred(Math.max(-min, max), grid) : fitAsymmetric(min, max, grid);
}

function isCentred({ symmetry }: Grid, min: number): boolean {
  return symmetry !== 'asymmetric' && !(symmetry === 'unsigned-symmetric' && min >= 0);
}

function fitCentred(bound: number, grid: Grid): Encoding {
  const above = Math.floor(steps(grid) / 2);
  const delta = bound / above;
  const offset = above - steps(grid);
  return { min: delta * offset, max: delta * above, delta, offset, grid };
}

function fitAsymmetric(min: number, max: number, grid: Grid): Encoding {
  const delta = (max - min) / steps(grid);
  const offset = 0 - Math.round(-min / delta); // a tie goes away from zero, as in AIMET; never -0
  return { min: delta * offset, max: delta * (steps(grid) + offset), delta, offset, grid };
}
