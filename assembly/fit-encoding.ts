// The finest encoding that covers a range, by AIMET's rules.
//
// encoding  f64[4] = [min, max, delta, offset], written: real = delta * (code + offset), code = 0 ... steps, offset <= 0.
// symmetry  0 asymmetric, 1 symmetric, 2 strict-symmetric, 3 unsigned-symmetric (pipeline/quant/grid.ts says what they mean).
// Zero      the range is widened to hold it, and to MIN_RANGE; some code then maps to it exactly.
// Rounding  the offset's tie goes away from zero, as in AIMET.
// Oracle    pipeline/quant/encoding.ts, fitEncoding: same bits.

// @ts-ignore: decorator
@inline export const ASYMMETRIC: u32 = 0;
// @ts-ignore: decorator
@inline export const SYMMETRIC: u32 = 1;
// @ts-ignore: decorator
@inline export const STRICT_SYMMETRIC: u32 = 2;
// @ts-ignore: decorator
@inline export const UNSIGNED_SYMMETRIC: u32 = 3;

/** Narrowest range, so that an all-zero tensor still gets a positive delta. AIMET's value. */
const MIN_RANGE: f64 = 0.01;
/** Largest float32: the farthest that an encoding reaches. */
const MAX_FLOAT: f64 = f32.MAX_VALUE;

/** Distance between the lowest and the highest code. */
export function stepsOf(bitwidth: u32, symmetry: u32): f64 {
  return <f64>((<u64>1 << bitwidth) - (symmetry == STRICT_SYMMETRIC ? 2 : 1));
}

/** Whether the codes mirror around zero, which an unsigned-symmetric grid does only where there are negative values. */
export function isCentred(symmetry: u32, min: f64): bool {
  return symmetry != ASYMMETRIC && (symmetry != UNSIGNED_SYMMETRIC || min < 0);
}

/** Offset of a centred grid: as many codes above zero as fit, the odd one below. */
export function centredOffset(steps: f64): f64 {
  return -Math.ceil(steps / 2);
}

/** Nearest integer, a tie away from zero; never -0. */
export function roundHalfAway(x: f64): f64 {
  const magnitude = Math.floor(Math.abs(x));
  const rounded = Math.abs(x) - magnitude < 0.5 ? magnitude : magnitude + 1;
  return x < 0 ? 0 - rounded : rounded;
}

function storeEncoding(encoding: usize, min: f64, max: f64, delta: f64, offset: f64): void {
  store<f64>(encoding, min);
  store<f64>(encoding, max, 8);
  store<f64>(encoding, delta, 16);
  store<f64>(encoding, offset, 24);
}

/** The encoding of a delta and an offset, its ends cut to what float32 reaches. */
export function storeGrid(encoding: usize, delta: f64, offset: f64, steps: f64): void {
  storeEncoding(encoding, Math.max(delta * offset, -MAX_FLOAT), Math.min(delta * (steps + offset), MAX_FLOAT), delta, offset);
}

/** min and max are any numbers with min <= max; an infinite one stands for the largest float32. */
export function fitEncoding(min: f64, max: f64, bitwidth: u32, symmetry: u32, encoding: usize): void {
  const steps = stepsOf(bitwidth, symmetry);
  const low = Math.min(min, 0), high = Math.max(Math.max(max, 0), low + MIN_RANGE);
  const a = Math.max(low, -MAX_FLOAT) + 0, b = Math.min(high, MAX_FLOAT);
  if (isCentred(symmetry, a)) {
    const offset = centredOffset(steps);
    storeGrid(encoding, Math.max(-a, b) / (steps + offset), offset, steps);
  } else {
    const delta = (b - a) / steps;
    const offset = roundHalfAway(a / delta);
    if (a == 0 || b == 0) storeEncoding(encoding, a, b, delta, offset);
    else storeEncoding(encoding, delta * offset, b - a + delta * offset, delta, offset);
  }
}
