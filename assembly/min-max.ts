// Running range of a tensor: the smallest and the largest finite value seen. NaN and the infinities are skipped.
//
// Layout   values: f32[count], contiguous. range: f32[2] = [min, max], read and written.
// Identity an unused range is [+Infinity, -Infinity]; merging ranges is element-wise min / max.
// NaN      pmin(acc, x) keeps acc when x is NaN, because `x < acc` is false; hence the operand order. x + (x - x) makes the
//          infinities NaN too, and -0 +0, so that the bits of the result do not depend on which zero came first.
// Tail     fewer than 16 values are left: one at a time. Nothing is read past values + 4 * count.
// Oracle   test/oracles/min-max.ts, same bits: the result does not depend on the order of the values.

import { STEP, finiteOrNaN, horizontalMax, horizontalMin } from "./lanes";

export function minMax(values: usize, count: usize, range: usize): void {
  widen(values, count, range, range + 4);
}

/** {@link minMax} with the two ends of the range in two places. */
export function widen(values: usize, count: usize, minAt: usize, maxAt: usize): void {
  let min0 = f32x4.splat(load<f32>(minAt));
  let max0 = f32x4.splat(load<f32>(maxAt));
  let min1 = min0, min2 = min0, min3 = min0;      // four chains, so that latency overlaps
  let max1 = max0, max2 = max0, max3 = max0;

  const end = values + (count << 2);
  for (; values + STEP <= end; values += STEP) {
    const x0 = finiteOrNaN(v128.load(values)), x1 = finiteOrNaN(v128.load(values, 16));
    const x2 = finiteOrNaN(v128.load(values, 32)), x3 = finiteOrNaN(v128.load(values, 48));
    min0 = f32x4.pmin(min0, x0);  max0 = f32x4.pmax(max0, x0);
    min1 = f32x4.pmin(min1, x1);  max1 = f32x4.pmax(max1, x1);
    min2 = f32x4.pmin(min2, x2);  max2 = f32x4.pmax(max2, x2);
    min3 = f32x4.pmin(min3, x3);  max3 = f32x4.pmax(max3, x3);
  }
  let min = horizontalMin(f32x4.pmin(f32x4.pmin(min0, min1), f32x4.pmin(min2, min3)));
  let max = horizontalMax(f32x4.pmax(f32x4.pmax(max0, max1), f32x4.pmax(max2, max3)));

  for (; values < end; values += 4) {
    const value = load<f32>(values);
    const x = value + (value - value);
    if (x < min) min = x;
    if (x > max) max = x;
  }
  store<f32>(minAt, min);
  store<f32>(maxAt, max);
}
