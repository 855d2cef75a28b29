// The price of an encoding: the sum of squared errors that it makes on what was observed, with gamma times the weight beyond
// its range.
//
// In steps of delta, t = x / delta, k = round(t), r = t - k: the antiderivative of r^2 is F(t) = k/12 + r^3/3. A bin [a, b] of
// density d so costs d * delta^3 * (F(b / delta) - F(a / delta)), and as neighbours share edges, a sum over bins is one over
// edges: F(edge) times the drop in density there. F is odd, so both sides of zero are priced alike. What lies beyond the range
// costs its second moment about the limit, shifted from the next edge outside: only positive terms, so nothing cancels.
//
// Limits  the range reaches from delta * offset to delta * (steps + offset), both inclusive.
// Bound   a price that is sure to exceed `bound` may come back as Infinity: the search is through with that candidate.
// Oracle  test/oracles/rounding-error.ts, bin by bin; 1e-9 relative to the price of not encoding at all.

import { Observed, Side, edgesUpTo } from "./observed";

/** Points priced between two looks at the bound. */
const POINTS_PER_LOOK: usize = 512;

/** offset: an integer, -steps ... 0. */
export function roundingError(observed: Observed, delta: f64, offset: f64, steps: f64, gamma: f64, bound: f64): f64 {
  const below = -offset, above = steps + offset;
  if (observed.pointCount) return pointsError(observed, delta, below, above, gamma, bound);
  const beyond = gamma * (beyondError(observed.negative, delta * below) + beyondError(observed.positive, delta * above));
  if (beyond > bound) return Infinity;
  return beyond + insideError(observed.negative, delta, below) + insideError(observed.positive, delta, above);
}

/** Squared distance of what lies beyond `limit` to it. */
function beyondError(side: Side, limit: f64): f64 {
  const next = edgesUpTo(side, limit);
  if (next == side.count) return 0;
  const gap = load<f64>(side.edges + (next << 3)) - limit;
  const moments = side.beyond + next * 24;
  const density = next ? load<f64>(side.density + (next - 1 << 3)) : 0;
  return load<f64>(moments, 16) + gap * (2 * load<f64>(moments, 8) + gap * (load<f64>(moments) + gap * density / 3));
}

/** Squared rounding error of what lies up to `codes` steps of delta from zero. */
function insideError(side: Side, delta: f64, codes: f64): f64 {
  const inside = edgesUpTo(side, delta * codes);
  if (!inside) return 0;
  const inverse = 1 / delta;
  const left = load<f64>(side.density + (inside - 1 << 3)); // where the limit cuts a bin; 0 in a gap and at the end
  const sum = sumOverEdges(side, inside, inverse) + left * codes;
  const t = load<f64>(side.edges + (side.count - 1 << 3)) * inverse, r = t - nearest(t);
  const atEnd = inside == side.count ? side.atEnd * r * r : 0;
  return delta * delta * (Math.max(delta * sum / 12, 0) + atEnd);
}

/** Sum of 12 F(edge / delta) times the drop there, over the first edges. */
function sumOverEdges(side: Side, count: usize, inverse: f64): f64 {
  const scale = f64x2.splat(inverse), four = f64x2.splat(4);
  let edges = side.edges, drops = side.drops;
  let sum0 = f64x2.splat(0), sum1 = sum0;
  const end = edges + (count << 3);
  for (; edges + 32 <= end; edges += 32, drops += 32) {
    const t0 = f64x2.mul(v128.load(edges), scale), t1 = f64x2.mul(v128.load(edges, 16), scale);
    const k0 = f64x2.nearest(t0), k1 = f64x2.nearest(t1);
    const r0 = f64x2.sub(t0, k0), r1 = f64x2.sub(t1, k1);
    const c0 = f64x2.mul(f64x2.mul(r0, r0), f64x2.mul(r0, four)), c1 = f64x2.mul(f64x2.mul(r1, r1), f64x2.mul(r1, four));
    sum0 = f64x2.add(sum0, f64x2.mul(f64x2.add(k0, c0), v128.load(drops)));
    sum1 = f64x2.add(sum1, f64x2.mul(f64x2.add(k1, c1), v128.load(drops, 16)));
  }
  const pair = f64x2.add(sum0, sum1);
  let sum = f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1);
  for (; edges < end; edges += 8, drops += 8) {
    const t = load<f64>(edges) * inverse, k = nearest(t), r = t - k;
    sum += (k + 4 * r * r * r) * load<f64>(drops);
  }
  return sum;
}

function pointsError(observed: Observed, delta: f64, below: f64, above: f64, gamma: f64, bound: f64): f64 {
  let error: f64 = 0;
  const end = observed.points + (observed.pointCount << 2);
  for (let from = observed.points; from < end; from += POINTS_PER_LOOK << 2) {
    const to = min(from + (POINTS_PER_LOOK << 2), end);
    error += delta * delta * sumOverPoints(from, to, 1 / delta, -below, above, gamma);
    if (error > bound) return Infinity;
  }
  return error;
}

/** Squared errors in steps of delta: the distance to the nearest code, or gamma times that to the range. */
function sumOverPoints(from: usize, to: usize, inverse: f64, lowest: f64, highest: f64, gamma: f64): f64 {
  const scale = f64x2.splat(inverse), low = f64x2.splat(lowest), high = f64x2.splat(highest);
  let inside0 = f64x2.splat(0), inside1 = inside0, beyond0 = inside0, beyond1 = inside0;
  for (; from + 16 <= to; from += 16) {
    const t0 = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(from)), scale);
    const t1 = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(from, 8)), scale);
    const c0 = f64x2.pmin(f64x2.pmax(t0, low), high), c1 = f64x2.pmin(f64x2.pmax(t1, low), high);
    const r0 = f64x2.sub(c0, f64x2.nearest(c0)), r1 = f64x2.sub(c1, f64x2.nearest(c1));
    const d0 = f64x2.sub(t0, c0), d1 = f64x2.sub(t1, c1);
    inside0 = f64x2.add(inside0, f64x2.mul(r0, r0));
    inside1 = f64x2.add(inside1, f64x2.mul(r1, r1));
    beyond0 = f64x2.add(beyond0, f64x2.mul(d0, d0));
    beyond1 = f64x2.add(beyond1, f64x2.mul(d1, d1));
  }
  const inside = f64x2.add(inside0, inside1), beyond = f64x2.add(beyond0, beyond1);
  let sum = f64x2.extract_lane(inside, 0) + f64x2.extract_lane(inside, 1);
  let out = f64x2.extract_lane(beyond, 0) + f64x2.extract_lane(beyond, 1);
  for (; from < to; from += 4) {
    const t = <f64>load<f32>(from) * inverse, c = Math.min(Math.max(t, lowest), highest), r = c - nearest(c);
    sum += r * r;
    out += (t - c) * (t - c);
  }
  return sum + gamma * out;
}
