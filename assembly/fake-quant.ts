// Quantize, then dequantize, with one affine map: what DequantizeLinear(QuantizeLinear(x)) of ONNX gives in float32, to the bit.
//
// Layout   values: f32[count] in, out: f32[count], which may be `values` itself.
// Map      delta > 0; low = offset, high = offset + steps, in multiples of delta. Rounding, NaN and zero: see rounding.ts.
// Tail     fewer than 16 values are left: one at a time. Nothing is touched past 4 * count bytes.
// Oracle   test/oracles/quantize.ts, same bits.

import { STEP } from "./lanes";
import { multiple, multiples } from "./rounding";

export function fakeQuant(values: usize, out: usize, count: usize, delta: f32, low: f32, high: f32): void {
  assert(delta > 0 && delta < Infinity && low <= high);
  const d = f32x4.splat(delta), l = f32x4.splat(low), h = f32x4.splat(high);
  const end = values + (count << 2);
  for (; values + STEP <= end; values += STEP, out += STEP) {
    const x0 = v128.load(values), x1 = v128.load(values, 16);
    const x2 = v128.load(values, 32), x3 = v128.load(values, 48);
    v128.store(out, f32x4.mul(multiples(x0, d, l, h), d));
    v128.store(out, f32x4.mul(multiples(x1, d, l, h), d), 16);
    v128.store(out, f32x4.mul(multiples(x2, d, l, h), d), 32);
    v128.store(out, f32x4.mul(multiples(x3, d, l, h), d), 48);
  }
  for (; values < end; values += 4, out += 4) store<f32>(out, multiple(load<f32>(values), delta, low, high) * delta);
}
