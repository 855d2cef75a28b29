// Quantize to stored integers with one affine map per channel of a tensor seen as [outer, channels, inner].
//
// Layout   values: f32[outer][channels][inner] in. codes: as many stored integers of `codeBytes` (1 or 2) each.
//          deltas, lows, highs: f32[channels]; zeroPoints: i32[channels].
// Map      see rounding.ts and quantize.ts.
// Shapes   a channel's stretch at a time. Weights are quantized once: inner = 1 has no path of its own.
// Oracle   test/oracles/quantize.ts, same codes.

import { quantize16, quantize8 } from "./quantize";

export function quantizeChannels(
  values: usize, deltas: usize, lows: usize, highs: usize, zeroPoints: usize, codes: usize,
  outer: usize, channels: usize, inner: usize, codeBytes: usize,
): void {
  assert(codeBytes == 1 || codeBytes == 2);
  for (let o: usize = 0; o < outer; o++) {
    for (let c: usize = 0; c < channels; c++) {
      const at = c << 2;
      const delta = load<f32>(deltas + at), low = load<f32>(lows + at), high = load<f32>(highs + at);
      if (codeBytes == 1) quantize8(values, codes, inner, delta, low, high, load<i32>(zeroPoints + at));
      else quantize16(values, codes, inner, delta, low, high, load<i32>(zeroPoints + at));
      values += inner << 2;
      codes += inner * codeBytes;
    }
  }
}
