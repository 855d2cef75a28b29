/** Bytes one unrolled step consumes: four v128 registers, so that four independent chains hide latency. */
// @ts-ignore: decorator
@inline export const STEP: usize = 4 * 16;

/** Smallest of the four f32 lanes. */
// @ts-ignore: decorator
@inline
export function horizontalMin(v: v128): f32 {
  const pair = f32x4.pmin(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmin(pair, v128.shuffle<f32>(pair, pair, 1, 0, 3, 2)), 0);
}

/** Largest of the four f32 lanes. */
// @ts-ignore: decorator
@inline
export function horizontalMax(v: v128): f32 {
  const pair = f32x4.pmax(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmax(pair, v128.shuffle<f32>(pair, pair, 1, 0, 3, 2)), 0);
}

/** Finite lanes as they are, but -0 as +0; every other lane as NaN, because Inf - Inf is NaN. */
// @ts-ignore: decorator
@inline
export function finiteOrNaN(x: v128): v128 {
  return f32x4.add(x, f32x4.sub(x, x));
}
