// Counts values by the upper 16 bits of their float32 (sign, exponent, 7 mantissa bits): the log-linear histogram.
//
// Layout   values: f32[count]. tables: HISTOGRAM_BYTES of scratch, 16-byte aligned, read and written; compact.ts reads them out:
//            u32[65536]  counts of lanes 0 and 2 by bin
//            u32[65536]  counts of lanes 1 and 3 by bin     } neighbours that repeat a value do not wait on each other
//            u32[16]     counts of +0 by its place in a step: what Relu repeats most
// Identity all zeros. Adding tables up is adding their entries.
// Limit    fewer than 2^32 values between two compactions; then no count, nor any sum of counts, overflows.
// NaN      is counted by its own bits. One whose payload lies in the low 16 bits alone would fall into the bin of an infinity:
//          it is counted as the quiet NaN of its sign, 0x7fc0 or 0xffc0, which is what arithmetic makes of it.
// Tail     fewer than 16 values are left: one at a time. Nothing is read past values + 4 * count.
// Oracle   test/oracles/histogram.ts, same counts.

import { STEP } from "./lanes";

/** Bytes of one sub-table: a u32 for every bin. */
// @ts-ignore: decorator
@inline export const SUBTABLE: usize = 65536 * 4;

/** Bytes of the zero counters, which lie behind both sub-tables. */
// @ts-ignore: decorator
@inline export const ZERO_COUNTERS: usize = 16 * 4;

/** Bytes of scratch that {@link histogram} counts in. */
export function histogramBytes(): usize {
  return 2 * SUBTABLE + ZERO_COUNTERS;
}

export function histogram(values: usize, count: usize, tables: usize): void {
  const first = values, end = values + (count << 2);
  let nans = i32x4.splat(0);
  for (; values + STEP <= end; values += STEP) {
    const x0 = v128.load(values), x1 = v128.load(values, 16);
    const x2 = v128.load(values, 32), x3 = v128.load(values, 48);
    nans = v128.or(nans, v128.or(v128.or(f32x4.ne(x0, x0), f32x4.ne(x1, x1)), v128.or(f32x4.ne(x2, x2), f32x4.ne(x3, x3))));
    countFour(tables, x0, 0);
    countFour(tables, x1, 16);
    countFour(tables, x2, 32);
    countFour(tables, x3, 48);
  }
  let hasNaN = v128.any_true(nans);
  for (; values < end; values += 4) {
    const bits = load<u32>(values);
    hasNaN = hasNaN || (bits & 0x7fffffff) > 0x7f800000;
    addOne(tables + ((bits >>> 14) & 0x3fffc), 1);
  }
  if (hasNaN) for (let at = first; at < end; at += 4) recountNaN(load<u32>(at), tables);
}

/** Count four lanes; `place` is where in the zero counters the first lane's zero goes, in bytes. */
// @ts-ignore: decorator
@inline
function countFour(tables: usize, x: v128, place: i32): void {
  const isZero = i32x4.eq(x, i32x4.splat(0));
  const table = <i32>SUBTABLE;
  const zeroAt = i32x4(2 * table, table + 4, 2 * table + 8, table + 12);  // from the start of the lane's own sub-table
  const bin = v128.and(i32x4.shr_u(x, 14), i32x4.splat(0x3fffc));  // in bytes
  const at = v128.bitselect(i32x4.add(zeroAt, i32x4.splat(place)), bin, isZero);
  const low = i64x2.extract_lane(at, 0), high = i64x2.extract_lane(at, 1);
  addOne(tables + <u32>low, 1);
  addOne(tables + SUBTABLE + <usize>(low >>> 32), 1);
  addOne(tables + <u32>high, 1);
  addOne(tables + SUBTABLE + <usize>(high >>> 32), 1);
}

// @ts-ignore: decorator
@inline
function addOne(at: usize, by: u32): void {
  store<u32>(at, load<u32>(at) + by);
}

/** Move a NaN that was counted as an infinity to the quiet NaN of its sign. */
function recountNaN(bits: u32, tables: usize): void {
  const payload = bits & 0x7fffffff;
  if (payload <= 0x7f800000 || payload > 0x7f80ffff) return;
  const infinity = tables + ((bits >>> 14) & 0x3fffc);
  addOne(infinity, -1);
  addOne(infinity + (0x40 << 2), 1);
}
