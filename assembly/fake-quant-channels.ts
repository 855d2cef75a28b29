// Quantize, then dequantize, with one affine map per channel of a tensor seen as [outer, channels, inner].
//
// Layout   values: f32[outer][channels][inner] in, out: the same, which may be `values` itself. deltas, lows, highs: f32[channels].
// Map      see rounding.ts.
// Shapes   inner > 1: a channel's stretch is contiguous, so fake-quant.ts runs along it.
//          inner = 1: four neighbouring channels at a time, down the rows; the last channels % 4 one at a time.
// Oracle   test/oracles/quantize.ts, same bits.

import { fakeQuant } from "./fake-quant";
import { multiple, multiples } from "./rounding";

export function fakeQuantChannels(
  values: usize, deltas: usize, lows: usize, highs: usize, out: usize, outer: usize, channels: usize, inner: usize,
): void {
  const rowBytes = (channels * inner) << 2;
  for (let o: usize = 0; o < outer; o++, values += rowBytes, out += rowBytes) {
    if (inner == 1) {
      fakeQuantRow(values, deltas, lows, highs, out, channels);
      continue;
    }
    for (let c: usize = 0; c < channels; c++) {
      const at = (c * inner) << 2, map = c << 2;
      fakeQuant(values + at, out + at, inner, load<f32>(deltas + map), load<f32>(lows + map), load<f32>(highs + map));
    }
  }
}

/** One value for every channel. */
function fakeQuantRow(values: usize, deltas: usize, lows: usize, highs: usize, out: usize, channels: usize): void {
  const end = channels << 2;
  let at: usize = 0;
  for (; at + 16 <= end; at += 16) {
    const delta = v128.load(deltas + at);
    v128.store(out + at, f32x4.mul(multiples(v128.load(values + at), delta, v128.load(lows + at), v128.load(highs + at)), delta));
  }
  for (; at < end; at += 4) {
    const delta = load<f32>(deltas + at);
    store<f32>(out + at, multiple(load<f32>(values + at), delta, load<f32>(lows + at), load<f32>(highs + at)) * delta);
  }
}
