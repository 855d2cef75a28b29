// Reads the dense tables of histogram.ts out into the list of used bins, and clears them in the same scan.
//
// Layout   tables: as in histogram.ts, left all zero. bins: u16[65536], counts: u64[65536] are written from the start on;
//          the number of used bins is returned, what lies behind them is undefined.
// Order    ascending values: 0xffff (NaN) down to 0xff80 (-Infinity), to 0x8000 (-0), then 0x0000 (+0) up to 0x7f80 (+Infinity), NaN.
// Speed    empty stretches of 32 bins are passed over by looking at 16 registers; stretches in use are read bin by bin.
// Oracle   test/oracles/histogram.ts, same bins and counts.

import { SUBTABLE, ZERO_COUNTERS } from "./histogram";

/** Bins that are tested together. */
// @ts-ignore: decorator
@inline const STRETCH: i32 = 32;

export function compact(tables: usize, bins: usize, counts: usize): u32 {
  foldZeros(tables);
  let used: u32 = 0;
  for (let bin = 0x10000 - STRETCH; bin >= 0x8000; bin -= STRETCH) {
    if (isEmpty(tables + (<usize>bin << 2))) continue;
    for (let i = STRETCH - 1; i >= 0; i--) used += take(tables, bin + i, bins, counts, used);
  }
  for (let bin = 0; bin < 0x8000; bin += STRETCH) {
    if (isEmpty(tables + (<usize>bin << 2))) continue;
    for (let i = 0; i < STRETCH; i++) used += take(tables, bin + i, bins, counts, used);
  }
  return used;
}

/** Add the zero counters to the bin of +0. */
function foldZeros(tables: usize): void {
  let zeros = load<u32>(tables);
  const end = tables + 2 * SUBTABLE + ZERO_COUNTERS;
  for (let at = tables + 2 * SUBTABLE; at < end; at += 4) {
    zeros += load<u32>(at);
    store<u32>(at, 0);
  }
  store<u32>(tables, zeros);
}

// @ts-ignore: decorator
@inline
function isEmpty(stretch: usize): bool {
  return !v128.any_true(v128.or(orEight(stretch), orEight(stretch + SUBTABLE)));
}

/** All bits that are set in 128 bytes. */
// @ts-ignore: decorator
@inline
function orEight(at: usize): v128 {
  const front = v128.or(v128.or(v128.load(at), v128.load(at, 16)), v128.or(v128.load(at, 32), v128.load(at, 48)));
  const back = v128.or(v128.or(v128.load(at, 64), v128.load(at, 80)), v128.or(v128.load(at, 96), v128.load(at, 112)));
  return v128.or(front, back);
}

/** Write the bin at place `used` and clear it. 1 where the bin is in use; else what was written is undefined. */
// @ts-ignore: decorator
@inline
function take(tables: usize, bin: i32, bins: usize, counts: usize, used: usize): u32 {
  const at = tables + (<usize>bin << 2);
  const count = load<u32>(at) + load<u32>(at, SUBTABLE);
  store<u32>(at, 0);
  store<u32>(at, 0, SUBTABLE);
  store<u16>(bins + (used << 1), <u16>bin);
  store<u64>(counts + (used << 3), count);
  return u32(count != 0);
}
