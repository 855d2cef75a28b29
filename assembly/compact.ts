// Reads the scratch of histogram.ts out into the list of used bins, and clears it in the same scan.
//
// Layout   scratch: as in histogram.ts, left all zero. bins: u16[65536], counts: u64[65536] are written from the start on;
//          the number of used bins is returned, what lies behind them is undefined.
// Order    ascending values: 0xffff (NaN) down to 0xff80 (-Infinity), to 0x8000 (-0), then 0x0000 (+0) up to 0x7f80 (+Infinity), NaN.
// Speed    only the span of magnitudes that were seen is scanned, and zero; empty stretches of 16 bins are passed over.
// Oracle   test/oracles/histogram.ts, same bins and counts.

import { SPAN, SUBTABLE } from "./histogram";

/** Bins that are tested together: a cache line of each sub-table. */
// @ts-ignore: decorator
@inline const STRETCH: i32 = 16;

/** The sign bit of a bin. */
// @ts-ignore: decorator
@inline const NEGATIVE: i32 = 0x8000;

export function compact(scratch: usize, bins: usize, counts: usize): u32 {
  const largest = largestOf(scratch + SPAN);
  const smallest = 0x10000 - largestOf(scratch + SPAN + 16);
  const first = max(smallest & -STRETCH, STRETCH), last = largest & -STRETCH;  // stretch 0, with zero, is always scanned
  let used: u32 = 0;
  for (let bin = last; bin >= first; bin -= STRETCH) used = takeDown(scratch, NEGATIVE | bin, bins, counts, used);
  used = takeDown(scratch, NEGATIVE, bins, counts, used);
  used = takeUp(scratch, 0, bins, counts, used);
  for (let bin = first; bin <= last; bin += STRETCH) used = takeUp(scratch, bin, bins, counts, used);
  memory.fill(scratch + SPAN, 0, 32);
  return used;
}

/** The largest of u16[8]. */
function largestOf(lanes: usize): i32 {
  let largest = 0;
  for (let at: usize = 0; at < 16; at += 2) largest = max<i32>(largest, load<u16>(lanes + at));
  return largest;
}

/** Read out a stretch in descending order of its bins; returns how many bins are used by then. */
function takeDown(scratch: usize, bin: i32, bins: usize, counts: usize, used: u32): u32 {
  const at = scratch + (<usize>bin << 2);
  if (isEmpty(at)) return used;
  for (let quad = STRETCH - 4; quad >= 0; quad -= 4) {
    const sums = takeSums(at + (<usize>quad << 2));
    used = put(bin + quad + 3, i32x4.extract_lane(sums, 3), bins, counts, used);
    used = put(bin + quad + 2, i32x4.extract_lane(sums, 2), bins, counts, used);
    used = put(bin + quad + 1, i32x4.extract_lane(sums, 1), bins, counts, used);
    used = put(bin + quad, i32x4.extract_lane(sums, 0), bins, counts, used);
  }
  return used;
}

/** Read out a stretch in ascending order of its bins; returns how many bins are used by then. */
function takeUp(scratch: usize, bin: i32, bins: usize, counts: usize, used: u32): u32 {
  const at = scratch + (<usize>bin << 2);
  if (isEmpty(at)) return used;
  for (let quad = 0; quad < STRETCH; quad += 4) {
    const sums = takeSums(at + (<usize>quad << 2));
    used = put(bin + quad, i32x4.extract_lane(sums, 0), bins, counts, used);
    used = put(bin + quad + 1, i32x4.extract_lane(sums, 1), bins, counts, used);
    used = put(bin + quad + 2, i32x4.extract_lane(sums, 2), bins, counts, used);
    used = put(bin + quad + 3, i32x4.extract_lane(sums, 3), bins, counts, used);
  }
  return used;
}

/** Whether no sub-table counts anything in the stretch whose counter in the first one is at `at`. */
// @ts-ignore: decorator
@inline
function isEmpty(at: usize): bool {
  const front = v128.or(bitsOf(at), bitsOf(at + SUBTABLE));
  const back = v128.or(bitsOf(at + 2 * SUBTABLE), bitsOf(at + 3 * SUBTABLE));
  return !v128.any_true(v128.or(front, back));
}

/** All bits that are set in a cache line. */
// @ts-ignore: decorator
@inline
function bitsOf(at: usize): v128 {
  return v128.or(v128.or(v128.load(at), v128.load(at, 16)), v128.or(v128.load(at, 32), v128.load(at, 48)));
}

/** The counts of four bins over all sub-tables, which are cleared. */
// @ts-ignore: decorator
@inline
function takeSums(at: usize): v128 {
  const front = i32x4.add(v128.load(at), v128.load(at, SUBTABLE));
  const back = i32x4.add(v128.load(at, 2 * SUBTABLE), v128.load(at, 3 * SUBTABLE));
  const zero = i32x4.splat(0);
  v128.store(at, zero);
  v128.store(at, zero, SUBTABLE);
  v128.store(at, zero, 2 * SUBTABLE);
  v128.store(at, zero, 3 * SUBTABLE);
  return i32x4.add(front, back);
}

/** Write a bin behind the `used` ones; it stays where its count is not 0. */
// @ts-ignore: decorator
@inline
function put(bin: i32, count: u32, bins: usize, counts: usize, used: u32): u32 {
  store<u16>(bins + (<usize>used << 1), <u16>bin);
  store<u64>(counts + (<usize>used << 3), count);
  return used + u32(count != 0);
}
