// The encoding of least price: AIMET's candidates, priced by rounding-error.ts, then a local search from the best of them.
//
// Asymmetric  17 deltas, 1/16 ... 17/16 of the one that covers the observed range, by 21 offsets from -steps to 0; each cut to
//             the observed range, and skipped where it is wider on both sides; and the observed range itself.
// Centred     101 deltas, 1 % ... 101 % of the one that covers the larger magnitude, the offset fixed by the symmetry (so also
//             unsigned-symmetric: offset 0), and the one that min-max would choose; of a short list of values, every quarter of a %.
// Ties        go to the earlier candidate of AIMET's order. They are visited last to first, because the observed range is last
//             and its price, the first bound, lets most of the others be dropped early.
// Then        both ends move by a step that halves, as long as the price falls; centred, delta does, after a comb of finer ones
//             on both sides of the best. Zero stays exact.
// All zero    every encoding is exact, and the answer is min-max's.
// Oracle      test/oracles/tf-enhanced.ts.
//
// gamma weighs what is clipped: 3 for tf-enhanced, 1 for mse. encoding: f64[4], see fit-encoding.ts.

import { centredOffset, fitEncoding, isCentred, roundHalfAway, stepsOf, storeGrid } from "./fit-encoding";
import { Observed, Side } from "./observed";
import { roundingError } from "./rounding-error";

/** Deltas are sixteenths of the observed one; one more than 16 of them allows for rounding at the edge. */
const DELTAS: i32 = 17;
const OFFSETS: i32 = 21;
/** Hundredths of the observed delta; again one more. */
const CENTRED_DELTAS: i32 = 101;
/** Values of a short list. The fewer there are, the more valleys the price has, and the best one may lie beside no hundredth that stands out. */
const SHORT_LIST: usize = 256;
/** Deltas for each hundredth there. */
const QUARTERS: i32 = 4;
/** Deltas between two hundredths: on few values the price has many valleys, each about the width of a value's code. */
const TEETH: i32 = 16;
/** Halvings of the step: from half the candidates' spacing down to 1/2^12 of the range, finer than prices tell apart. */
const HALVINGS: i32 = 7;
/** Moves at one step width; a walk that long stands on a plateau. */
const MOVES: i32 = 8;
/** Range of the finest candidate: 255 float32 epsilons, so that at 8 bits the smallest delta is that of AIMET's newer analyzers. */
const FINEST_RANGE: f64 = 255 * 1.1920928955078125e-7;

@unmanaged
class Search {
  observed: Observed;
  steps: f64;
  gamma: f64;
  /** The widest range that a candidate may have. */
  min: f64;
  max: f64;
  /** The best so far. */
  price: f64;
  delta: f64;
  offset: f64;
}

export function encodeTfEnhanced(observed: Observed, bitwidth: u32, symmetry: u32, gamma: f64, encoding: usize): void {
  if (observed.min == 0 && observed.max == 0) return fitEncoding(0, 0, bitwidth, symmetry, encoding);
  const search = changetype<Search>(changetype<usize>(observed) + offsetof<Observed>() + 2 * offsetof<Side>());
  search.observed = observed;
  search.steps = stepsOf(bitwidth, symmetry);
  search.gamma = gamma;
  search.price = Infinity;
  if (isCentred(symmetry, observed.min)) searchCentred(search, centredOffset(search.steps), search.steps / 2);
  else if (symmetry) searchCentred(search, 0, search.steps);
  else searchAsymmetric(search);
  storeGrid(encoding, search.delta, search.offset, search.steps);
}

function searchAsymmetric(search: Search): void {
  const steps = search.steps, min = Math.min(search.observed.min, 0), max = Math.max(search.observed.max, 0);
  const full = Math.max((max - min) / steps, minDelta(steps));
  const offset = roundHalfAway(min / full);
  search.min = full * offset;
  search.max = full * (steps + offset);
  consider(search, full, offset);
  for (let d = DELTAS; d > 0; d--) {
    const delta = full * d / 16;
    for (let i = OFFSETS; i-- > 0;) considerCut(search, delta, Math.trunc(steps / 20 * i - steps));
  }
  let step = (max - min) / 16;
  for (let i = 0; i < HALVINGS; i++) {
    step /= 2;
    for (let moves = MOVES; moves && moveEnds(search, step); ) moves--;
  }
}

/** A candidate cut to the observed range. */
function considerCut(search: Search, delta: f64, offset: f64): void {
  const low = delta * offset, high = delta * (search.steps + offset);
  if (low < search.min && high > search.max) return;
  const cut = (Math.min(high, search.max) - Math.max(low, search.min)) / search.steps;
  if (cut > 0) consider(search, cut, roundHalfAway(Math.max(low, search.min) / cut));
}

function moveEnds(search: Search, step: f64): bool {
  return moveTo(search, step, 0) || moveTo(search, 0, -step) || moveTo(search, -step, 0) || moveTo(search, 0, step);
}

function moveTo(search: Search, low: f64, high: f64): bool {
  const min = Math.max(search.delta * search.offset + low, search.min);
  const max = Math.min(search.delta * (search.steps + search.offset) + high, search.max);
  if (!(min <= 0 && max >= 0 && min < max)) return false;
  const delta = (max - min) / search.steps;
  return improve(search, delta, roundHalfAway(min / delta));
}

/** codes: how many of them the larger magnitude has to itself, by AIMET's count. */
function searchCentred(search: Search, offset: f64, codes: f64): void {
  const reach = Math.max(search.observed.max, -search.observed.min);
  const smallest = minDelta(search.steps), full = Math.max(reach / codes, smallest);
  consider(search, Math.max(reach / (search.steps + offset), smallest), offset);
  const points = search.observed.pointCount, parts = points && points <= SHORT_LIST ? QUARTERS : 1;
  for (let d = CENTRED_DELTAS * parts; d > 0; d--) consider(search, full * d / (100 * parts), offset);
  const around = search.delta, tooth = full / 100 / TEETH;
  for (let i = 1; i <= TEETH; i++) {
    improve(search, around - tooth * i, offset);
    improve(search, around + tooth * i, offset);
  }
  let step = tooth;
  for (let i = 0; i < HALVINGS; i++) {
    step /= 2;
    for (let moves = MOVES; moves; moves--) {
      if (!improve(search, search.delta - step, offset) && !improve(search, search.delta + step, offset)) break;
    }
  }
}

function minDelta(steps: f64): f64 {
  return FINEST_RANGE / steps;
}

/** Take the candidate unless it is worse. */
function consider(search: Search, delta: f64, offset: f64): void {
  if (delta < minDelta(search.steps)) return;
  const price = roundingError(search.observed, delta, offset, search.steps, search.gamma, search.price);
  if (price <= search.price) take(search, delta, offset, price);
}

/** Take the candidate if it is better. */
function improve(search: Search, delta: f64, offset: f64): bool {
  if (delta < minDelta(search.steps)) return false;
  const price = roundingError(search.observed, delta, offset, search.steps, search.gamma, search.price);
  if (!(price < search.price)) return false;
  take(search, delta, offset, price);
  return true;
}

function take(search: Search, delta: f64, offset: f64, price: f64): void {
  search.price = price;
  search.delta = delta;
  search.offset = offset;
}
