// The affine map of every quantizing kernel: the multiple of delta that stands for a value.
//
//     multiple(x) = max(low, min(high, roundHalfEven(f32(x / delta))))
//
// low = offset and high = offset + steps, so that a stored code is multiple + zeroPoint and the real value is f32(multiple * delta).
// This is QuantizeLinear of ONNX in float32, to the bit: a true division, a tie goes to the even neighbour, then saturation.
// NaN      becomes low, as in ONNX Runtime's x64 build (its WebAssembly build stores 0); an infinity saturates.
// Zero     x = ±0, or anything that rounds or saturates to zero, gives +0: integers have no -0, and -0 + 0 is +0.

/** The multiples of four values. */
// @ts-ignore: decorator
@inline
export function multiples(x: v128, delta: v128, low: v128, high: v128): v128 {
  const saturated = f32x4.pmin(high, f32x4.pmax(low, f32x4.nearest(f32x4.div(x, delta))));
  return f32x4.add(saturated, f32x4.splat(0));
}

/** The multiple of one value. */
// @ts-ignore: decorator
@inline
export function multiple(x: f32, delta: f32, low: f32, high: f32): f32 {
  const nearest = nearestEven(x / delta);
  const raised = low < nearest ? nearest : low;
  return (raised < high ? raised : high) + 0;
}

// @ts-ignore: decorator
@inline
function nearestEven(x: f32): f32 {
  return nearest<f32>(x);
}
