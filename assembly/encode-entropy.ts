// The encoding whose codes tell most about the values: the range of least Kullback-Leibler divergence, after AIMET and TensorRT.
//
// The histogram is rebinned to BINS even bins. Windows of them shrink from all to as many as there are codes; for each,
//   P  the bins of the window, what lies outside folded into its two end bins,
//   Q  the window's own values, merged to a bin per code and spread evenly over those of its bins that P uses,
// both as shares of all values, and the window of least KL(P || Q) is the range. (Q then sums to less than 1 where values are
// clipped. Scaled up to 1, as is usual, a window that misses nearly all values may diverge least.) Mirrored grids lose a bin on
// both sides; others one on both, two on the left or two on the right, whichever diverges least, as long as zero stays inside.
// Prefix sums make the price of a window a logarithm per code. Exact zeros are left out of P and Q: no encoding loses them, and
// after a Relu they would drown the rest.
//
// Outliers  the bins reach at most SPAN times as far as 99.99 % of the values: farther, a bin would be wider than their codes.
// Bits      up to 10; the codes of wider grids are finer than the bins, and min-max answers. AIMET: 8 only.
//
// observed must be read from a histogram; scratch: entropyBytes() bytes; symmetry and encoding as in fit-encoding.ts.
// Oracle   test/oracles/entropy.ts.

import { fitEncoding, isCentred, stepsOf } from "./fit-encoding";
import { Observed, massBeyond, sideMass } from "./observed";
import { quantile } from "./encode-percentile";

const BINS: i32 = 2048;
/** Widest grid whose codes are at least two bins wide when the window is whole. */
const MOST_BITS: u32 = 10;
/** 2048 bins for 256 codes: the narrowest window is then as wide as that share of the values. */
const SPAN: f64 = 8;
const FAR_SHARE: f64 = 1e-4;
/** Share of all values that an empty code counts as, where clipped values fall on it: AIMET's, and the divergence stays finite. */
const EMPTY_SHARE: f64 = 1e-4;
/** Share of all values below which a bin is empty: what is left of differences of sums. */
const NOISE: f64 = 1e-12;

/** Even bins over the range in question, and the best window of them so far. */
@unmanaged
class Bins {
  low: f64;
  high: f64;
  /** Of all values but zero. */
  total: f64;
  /** f64[BINS + 1], prefix sums: of the mass, of mass * log(mass), and of how many bins have any. The first mass lies below low. */
  mass: usize;
  logs: usize;
  used: usize;
  divergence: f64;
  left: i32;
  right: i32;
}

const HEADER_BYTES: usize = 64;
const TABLE_BYTES: usize = (BINS + 1) * 8;

export function entropyBytes(): usize {
  return HEADER_BYTES + 3 * TABLE_BYTES;
}

export function encodeEntropy(observed: Observed, bitwidth: u32, symmetry: u32, scratch: usize, encoding: usize): void {
  const total = sideMass(observed.negative) + sideMass(observed.positive);
  if (bitwidth > MOST_BITS || total == 0) return fitEncoding(observed.min, observed.max, bitwidth, symmetry, encoding);
  const bins = changetype<Bins>(scratch);
  const mirrored = isCentred(symmetry, observed.min), steps = <i32>stepsOf(bitwidth, symmetry);
  bins.total = total;
  placeBins(bins, observed, mirrored);
  fillBins(bins, observed);
  bins.divergence = Infinity;
  if (mirrored) shrinkMirrored(bins, steps / 2 * 2 + 1);
  else shrinkFree(bins, steps + 1);
  fitEncoding(edgeOf(bins, bins.left), edgeOf(bins, bins.right), bitwidth, symmetry, encoding);
}

function placeBins(bins: Bins, observed: Observed, mirrored: bool): void {
  const tail = FAR_SHARE * bins.total;
  const reach = SPAN * Math.max(quantile(observed.negative, tail), quantile(observed.positive, tail));
  const below = Math.min(Math.max(-observed.min, 0), reach), above = Math.min(Math.max(observed.max, 0), reach);
  bins.low = -(mirrored ? Math.max(below, above) : below);
  bins.high = mirrored ? Math.max(below, above) : above;
}

/** The ends exactly, so that a window of all the bins is the range that was seen. */
function edgeOf(bins: Bins, i: i32): f64 {
  return i == BINS ? bins.high : bins.low + (bins.high - bins.low) * i / BINS;
}

function fillBins(bins: Bins, observed: Observed): void {
  bins.mass = changetype<usize>(bins) + HEADER_BYTES;
  bins.logs = bins.mass + TABLE_BYTES;
  bins.used = bins.logs + TABLE_BYTES;
  let mass = massBeyond(observed.negative, -bins.low), logs: f64 = 0, used: f64 = 0;
  storeSums(bins, 0, mass, logs, used);
  for (let i = 1; i <= BINS; i++) {
    const edge = edgeOf(bins, i);
    const upTo = edge < 0 ? massBeyond(observed.negative, -edge) : bins.total - massBeyond(observed.positive, edge);
    const bin = upTo - mass;
    if (bin > NOISE * bins.total) {
      mass = upTo;
      logs += bin * Math.log(bin);
      used++;
    }
    storeSums(bins, i, mass, logs, used);
  }
}

function storeSums(bins: Bins, i: i32, mass: f64, logs: f64, used: f64): void {
  const at = <usize>i << 3;
  store<f64>(bins.mass + at, mass);
  store<f64>(bins.logs + at, logs);
  store<f64>(bins.used + at, used);
}

// @ts-ignore: decorator
@inline
function sumAt(sums: usize, i: i32): f64 {
  return load<f64>(sums + (<usize>i << 3));
}

function shrinkMirrored(bins: Bins, codes: i32): void {
  for (let left = 0; BINS - 2 * left >= codes; left++) consider(bins, left, BINS - left, divergence(bins, left, BINS - left, codes));
}

function shrinkFree(bins: Bins, codes: i32): void {
  const zero = min(BINS - 1, <i32>(-bins.low / (bins.high - bins.low) * BINS));
  let left = 0, right = BINS;
  consider(bins, left, right, divergence(bins, left, right, codes));
  while (true) {
    const isWide = right - left - 2 >= codes;
    const both = isWide && left < zero && right - 1 > zero ? divergence(bins, left + 1, right - 1, codes) : Infinity;
    const lower = isWide && left + 1 < zero ? divergence(bins, left + 2, right, codes) : Infinity;
    const upper = isWide && right - 2 > zero ? divergence(bins, left, right - 2, codes) : Infinity;
    const least = Math.min(both, Math.min(lower, upper));
    if (least == Infinity) return;
    if (least == both) { left++; right--; }
    else if (least == lower) left += 2;
    else right -= 2;
    consider(bins, left, right, least);
  }
}

function consider(bins: Bins, left: i32, right: i32, divergence: f64): void {
  if (!(divergence < bins.divergence)) return;
  bins.divergence = divergence;
  bins.left = left;
  bins.right = right;
}

/** KL(P || Q) of a window, in nats. */
function divergence(bins: Bins, left: i32, right: i32, codes: i32): f64 {
  const total = bins.total, below = sumAt(bins.mass, left), above = total - sumAt(bins.mass, right);
  const first = sumAt(bins.mass, left + 1), last = total - sumAt(bins.mass, right - 1);
  const entropy = sumAt(bins.logs, right - 1) - sumAt(bins.logs, left + 1) + timesLog(first) + timesLog(last);
  let cross: f64 = 0, start = left;
  for (let code = 1; code <= codes; code++) {
    const end = left + (right - left) * code / codes;
    const own = sumAt(bins.mass, end) - sumAt(bins.mass, start);
    let clipped: f64 = 0, used = sumAt(bins.used, end) - sumAt(bins.used, start);
    if (code == 1) {
      clipped += below;
      if (below > 0 && sumAt(bins.used, left + 1) == sumAt(bins.used, left)) used++;
    }
    if (code == codes) {
      clipped += above;
      if (above > 0 && sumAt(bins.used, right) == sumAt(bins.used, right - 1)) used++;
    }
    if (own + clipped > 0) cross += (own + clipped) * Math.log((own > 0 ? own : EMPTY_SHARE * total) / used);
    start = end;
  }
  return (entropy - cross) / total;
}

/** x log x, 0 at 0. */
function timesLog(x: f64): f64 {
  return x > 0 ? x * Math.log(x) : 0;
}
