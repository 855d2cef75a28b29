// Counts values by the upper 16 bits of their float32 (sign, exponent, 7 mantissa bits): the log-linear histogram.
//
// Layout   values: f32[count]. scratch: histogramBytes(), 16-byte aligned, read and written; compact.ts reads it out:
//            SUBTABLE bytes, four times   u32[65536] counts by bin; value i of a call goes to sub-table i % 4
//            u16[8]                       span: the largest magnitude (bin & 0x7fff) by lane
//            u16[8]                       span: the smallest magnitude above 0 by lane, negated, so that 0 says there is none
// Identity all zeros.
// Limit    fewer than 2^32 values between two compactions; then no count, nor any sum of counts, overflows.
// Repeats  a value that repeats (the zeros after Relu) waits for its own counter; with four sub-tables it seldom has to.
// NaN      is counted by its own bits. One whose payload lies in the low 16 bits alone would fall into the bin of an infinity:
//          it is counted as the quiet NaN of its sign, 0x7fc0 or 0xffc0, which is what arithmetic makes of it.
// Tail     fewer than 16 values are left: one at a time. Nothing is read past values + 4 * count.
// Oracle   test/oracles/histogram.ts, same counts.

import { STEP } from "./lanes";

/** A u32 for every bin, and 17 cache lines, so that the four counters of a bin do not compete for one line of the cache. */
// @ts-ignore: decorator
@inline export const SUBTABLE: usize = 65536 * 4 + 17 * 64;

/** Where the span lies in the scratch: the largest magnitudes here, the negated smallest ones 16 bytes on. */
// @ts-ignore: decorator
@inline export const SPAN: usize = 4 * SUBTABLE;

/** Magnitude of the infinities; NaN lies above. */
// @ts-ignore: decorator
@inline const INFINITY: i16 = 0x7f80;

/** Bytes of scratch that {@link histogram} counts in. */
export function histogramBytes(): usize {
  return SPAN + 32;
}

export function histogram(values: usize, count: usize, scratch: usize): void {
  assert((scratch & 15) == 0);
  const first = values, end = values + (count << 2);
  let largest = v128.load(scratch, SPAN), smallest = v128.load(scratch, SPAN + 16);
  for (; values + STEP <= end; values += STEP) {
    const front = magnitudes(values), back = magnitudes(values + 32);
    largest = i16x8.max_u(largest, i16x8.max_u(front, back));
    smallest = i16x8.max_u(smallest, i16x8.max_u(i16x8.neg(front), i16x8.neg(back)));
    countFour(values, scratch);
    countFour(values + 16, scratch);
    countFour(values + 32, scratch);
    countFour(values + 48, scratch);
  }
  for (; values < end; values += 4) {
    const bin = load<u16>(values, 2);
    const magnitude = i16x8.splat(bin & 0x7fff);
    largest = i16x8.max_u(largest, magnitude);
    smallest = i16x8.max_u(smallest, i16x8.neg(magnitude));
    addTo(scratch, bin, 1);
  }
  v128.store(scratch, largest, SPAN);
  v128.store(scratch, smallest, SPAN + 16);
  if (v128.any_true(i16x8.ge_u(largest, i16x8.splat(INFINITY)))) recountNaNs(first, end, scratch);
}

/** The bins of eight values without their sign. */
// @ts-ignore: decorator
@inline
function magnitudes(values: usize): v128 {
  const front = i32x4.shr_u(i32x4.shl(v128.load(values), 1), 17);
  const back = i32x4.shr_u(i32x4.shl(v128.load(values, 16), 1), 17);
  return i16x8.narrow_i32x4_s(front, back);
}

/** Four values, each in its own sub-table. All bins are read before any counter is written: the loads then need not wait for the stores. */
// @ts-ignore: decorator
@inline
function countFour(values: usize, scratch: usize): void {
  const first = counterOf(scratch, values), second = counterOf(scratch, values + 4);
  const third = counterOf(scratch, values + 8), fourth = counterOf(scratch, values + 12);
  store<u32>(first, load<u32>(first) + 1);
  store<u32>(second, load<u32>(second, SUBTABLE) + 1, SUBTABLE);
  store<u32>(third, load<u32>(third, 2 * SUBTABLE) + 1, 2 * SUBTABLE);
  store<u32>(fourth, load<u32>(fourth, 3 * SUBTABLE) + 1, 3 * SUBTABLE);
}

/** Where the first sub-table counts the value at `value`. */
// @ts-ignore: decorator
@inline
function counterOf(scratch: usize, value: usize): usize {
  return scratch + (<usize>load<u16>(value, 2) << 2);
}

// @ts-ignore: decorator
@inline
function addTo(subtable: usize, bin: u32, count: u32): void {
  const at = subtable + (<usize>bin << 2);
  store<u32>(at, load<u32>(at) + count);
}

/** Move NaNs that were counted as infinities. One sub-table may fall below zero: compaction adds modulo 2^32. */
function recountNaNs(values: usize, end: usize, scratch: usize): void {
  for (; values < end; values += 4) {
    const bits = load<u32>(values), bin = bits >>> 16;
    if (<i16>(bin & 0x7fff) != INFINITY || (bits & 0xffff) == 0) continue;
    addTo(scratch, bin, -1);
    addTo(scratch, bin | 0x40, 1);
    store<u16>(scratch, 0x7fff, SPAN);
  }
}
