// Running range of a tensor: the smallest and the largest finite value seen. NaN and the infinities are skipped.
//
// Layout   values: f32[count], contiguous. range: f32[2] = [min, max], read and written.
// Identity an unused range is [+Infinity, -Infinity]; merging ranges is element-wise min / max.
// NaN      pmin(acc, x) keeps acc when x is NaN, because `x < acc` is false; hence the operand order.
// Inf      shows in the range; then it is put back and the values are read once more, each as x + (x - x), which makes the infinities NaN.
// Zero     + 0 makes a -0 +0, so that the bits of the result do not depend on which zero came first.
// Tail     fewer than 16 values are left: one at a time. Nothing is read past values + 4 * count.
// Oracle   test/oracles/min-max.ts, same bits: the result does not depend on the order of the values.

import { STEP, finiteOrNaN, horizontalMax, horizontalMin } from "./lanes";

export function minMax(values: usize, count: usize, range: usize): void {
  widen(values, count, range, range + 4);
}

/** {@link minMax} with the two ends of the range in two places. */
export function widen(values: usize, count: usize, minAt: usize, maxAt: usize): void {
  const min = load<f32>(minAt), max = load<f32>(maxAt);
  scan(values, count, minAt, maxAt, false);
  if (load<f32>(minAt) > -Infinity && load<f32>(maxAt) < Infinity) return;
  store<f32>(minAt, min);
  store<f32>(maxAt, max);
  scan(values, count, minAt, maxAt, true);
}

/** Infinities are skipped where `skips` says so: that takes twice as long, and few tensors have one. */
// @ts-ignore: decorator
@inline
function scan(values: usize, count: usize, minAt: usize, maxAt: usize, skips: bool): void {
  let min0 = f32x4.splat(load<f32>(minAt));
  let max0 = f32x4.splat(load<f32>(maxAt));
  let min1 = min0, min2 = min0, min3 = min0;      // four chains, so that latency overlaps
  let max1 = max0, max2 = max0, max3 = max0;

  const end = values + (count << 2);
  for (; values + STEP <= end; values += STEP) {
    const x0 = read(values, skips), x1 = read(values + 16, skips), x2 = read(values + 32, skips), x3 = read(values + 48, skips);
    min0 = f32x4.pmin(min0, x0);  max0 = f32x4.pmax(max0, x0);
    min1 = f32x4.pmin(min1, x1);  max1 = f32x4.pmax(max1, x1);
    min2 = f32x4.pmin(min2, x2);  max2 = f32x4.pmax(max2, x2);
    min3 = f32x4.pmin(min3, x3);  max3 = f32x4.pmax(max3, x3);
  }
  let min = horizontalMin(f32x4.pmin(f32x4.pmin(min0, min1), f32x4.pmin(min2, min3)));
  let max = horizontalMax(f32x4.pmax(f32x4.pmax(max0, max1), f32x4.pmax(max2, max3)));

  for (; values < end; values += 4) {
    const value = load<f32>(values);
    const x = skips ? value + (value - value) : value;
    if (x < min) min = x;
    if (x > max) max = x;
  }
  store<f32>(minAt, min + 0);
  store<f32>(maxAt, max + 0);
}

// @ts-ignore: decorator
@inline
function read(values: usize, skips: bool): v128 {
  return skips ? finiteOrNaN(v128.load(values)) : v128.load(values);
}
