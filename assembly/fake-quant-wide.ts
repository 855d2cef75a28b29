// Quantize, then dequantize, on a grid of more than 16 bits. In float32 the quotient would be wrong by a step and more, so it is
// taken in float64, and the product is rounded to float32 once. Where a step is smaller than the distance of two floats, x comes back.
//
//     out = f32(max(low, min(high, roundHalfEven(x / delta))) * delta)
//
// Layout   values: f32[count] in, out: f32[count], which may be `values` itself.
// Map      delta > 0; low = offset, high = offset + steps, in multiples of delta. NaN becomes low; zero of either sign gives +0.
// Tail     one value is left where count is odd.
// Oracle   test/oracles/quantize.ts, same bits.

export function fakeQuantWide(values: usize, out: usize, count: usize, delta: f64, low: f64, high: f64): void {
  assert(delta > 0 && delta < Infinity && low <= high);
  const d = f64x2.splat(delta), l = f64x2.splat(low), h = f64x2.splat(high), zero = f64x2.splat(0);
  const end = values + (count << 2);
  for (; values + 8 <= end; values += 8, out += 8) {
    const quotient = f64x2.div(f64x2.promote_low_f32x4(v128.load64_zero(values)), d);
    const saturated = f64x2.pmin(h, f64x2.pmax(l, f64x2.nearest(quotient)));
    v128.store64_lane(out, f32x4.demote_f64x2_zero(f64x2.mul(f64x2.add(saturated, zero), d)), 0);
  }
  if (values < end) {
    const nearestCode = nearest<f64>(<f64>load<f32>(values) / delta);
    const raised = low < nearestCode ? nearestCode : low;
    store<f32>(out, <f32>(((raised < high ? raised : high) + 0) * delta));
  }
}
