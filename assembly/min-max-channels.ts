// Running range of every channel of a tensor seen as [outer, channels, inner]: the smallest and the largest finite value.
//
// Layout   values: f32[outer][channels][inner]. mins, maxs: f32[channels], read and written.
// Identity +Infinity in mins, -Infinity in maxs.
// NaN      skipped, as the infinities are; both zeros count as +0: see min-max.ts.
// Shapes   inner > 1: a channel's stretch is contiguous, so min-max.ts runs along it.
//          inner = 1: four neighbouring channels at a time, down the rows; the last channels % 4 one at a time.
// Oracle   test/oracles/min-max.ts, same bits.

import { finiteOrNaN } from "./lanes";
import { widen } from "./min-max";

export function minMaxChannels(values: usize, outer: usize, channels: usize, inner: usize, mins: usize, maxs: usize): void {
  const stride = inner << 2;
  for (let o: usize = 0; o < outer; o++) {
    if (inner == 1) {
      widenRow(values, channels, mins, maxs);
    } else {
      for (let c: usize = 0; c < channels; c++) widen(values + c * stride, inner, mins + (c << 2), maxs + (c << 2));
    }
    values += channels * stride;
  }
}

/** One value for every channel. */
function widenRow(values: usize, channels: usize, mins: usize, maxs: usize): void {
  const end = channels << 2;
  let at: usize = 0;
  for (; at + 16 <= end; at += 16) {
    const x = finiteOrNaN(v128.load(values + at));
    v128.store(mins + at, f32x4.pmin(v128.load(mins + at), x));
    v128.store(maxs + at, f32x4.pmax(v128.load(maxs + at), x));
  }
  for (; at < end; at += 4) widen(values + at, 1, mins + at, maxs + at);
}
