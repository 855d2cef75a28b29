// What was observed of a tensor, in the form that the searches read: built once, then priced for hundreds of encodings.
//
// A histogram is read as a density: each bin (upper 16 bits of a float32) spreads its count evenly over its interval; the first
// and last are cut at the exact min and max, where a bin of no width is a mass at that point. +-0 (bins 0x0000, 0x8000) cost
// nothing in any encoding and only count towards the total; NaN and Inf are left out.
// Zero is exact in every encoding, so the two sides of zero are priced apart, each by magnitude.
//
//          density[0]          density[1] = 0 (a gap)   density[2]
//        |============|                        |=================|
//   edges[0]       edges[1]                 edges[2]          edges[3]     atEnd: the mass at the last edge itself
//
// A list of points keeps the finite values as they are.
//
// Scratch  the caller's memory, 16-byte aligned, of readHistogramBytes(used) or readPointsBytes(count) bytes; it holds all of this.
// Result   false when no finite value was observed; there is then nothing to search.

/** One side of zero, by magnitude. */
@unmanaged
export class Side {
  /** Edges in use; 0 when the side has no mass. */
  count: usize;
  /** f64[count], ascending. */
  edges: usize;
  /** f64[count]: density left of the edge minus density right of it, so that a sum over edges is a sum over bins. */
  drops: usize;
  /** f64[count]: density right of the edge; 0 right of the last. */
  density: usize;
  /** f64[3 * count]: mass, and its first and second moment about the edge, of all that lies beyond the edge. */
  beyond: usize;
  /** Mass at exactly the last edge. */
  atEnd: f64;
}

@unmanaged
export class Observed {
  /** Laid over scratch by headerAt, never made; and with a constructor, no runtime is exported for hosts to make one by. */
  private constructor() {}

  min: f64;
  max: f64;
  /** Finite values, zeros included. */
  total: f64;
  negative: Side;
  positive: Side;
  /** f32[pointCount], finite; a histogram has none. */
  points: usize;
  pointCount: usize;
}

/** The two sides, the object itself and a search's state (encode-tf-enhanced.ts), rounded up to whole vectors. */
const HEADER_BYTES: usize = 256;
const EDGE_BYTES: usize = 6 * 8;

/** Scratch for a histogram of `used` bins: each has at most two edges of its own. */
export function readHistogramBytes(used: usize): usize {
  return HEADER_BYTES + (2 * used + 4) * EDGE_BYTES;
}

/** Scratch for a list of points. */
export function readPointsBytes(count: usize): usize {
  return HEADER_BYTES + (count << 2) + 16;
}

/** bins: u16[used] in ascending order of their values; counts: u64[used]; min and max: the finite extremes. */
export function readHistogram(bins: usize, counts: usize, used: usize, min: f64, max: f64, scratch: usize): bool {
  const observed = headerAt(scratch);
  if (!(min <= max)) return false;
  observed.min = min;
  observed.max = max;
  const edges = scratch + HEADER_BYTES;
  const next = readSide(observed.negative, bins, counts, used, 0x8000, Math.max(-max, 0), -min, edges);
  readSide(observed.positive, bins, counts, used, 0, Math.max(min, 0), max, next);
  observed.total = sideMass(observed.negative) + sideMass(observed.positive);
  for (let i: usize = 0; i < used; i++) {
    if (!(load<u16>(bins + (i << 1)) & 0x7fff)) observed.total += <f64>load<u64>(counts + (i << 3));
  }
  return true;
}

/** values: f32[count], any. */
export function readPoints(values: usize, count: usize, scratch: usize): bool {
  const observed = headerAt(scratch);
  let min: f64 = Infinity, max: f64 = -Infinity;
  let at = observed.points = scratch + HEADER_BYTES;
  for (const end = values + (count << 2); values < end; values += 4) {
    const x = load<f32>(values);
    if (!isFinite(x)) continue;
    store<f32>(at, x);
    at += 4;
    min = Math.min(min, x);
    max = Math.max(max, x);
  }
  observed.min = min;
  observed.max = max;
  observed.pointCount = (at - observed.points) >> 2;
  observed.total = <f64>observed.pointCount;
  return observed.pointCount > 0;
}

function headerAt(scratch: usize): Observed {
  memory.fill(scratch, 0, HEADER_BYTES); // both sides empty, no points
  const observed = changetype<Observed>(scratch);
  observed.negative = changetype<Side>(scratch + offsetof<Observed>());
  observed.positive = changetype<Side>(scratch + offsetof<Observed>() + offsetof<Side>());
  return observed;
}

/** Mass of a side, all of it. */
export function sideMass(side: Side): f64 {
  return side.count ? load<f64>(side.beyond) : 0;
}

/** Mass of a side farther from zero than x, x itself left out. */
export function massBeyond(side: Side, x: f64): f64 {
  const next = edgesUpTo(side, x);
  if (next == side.count) return 0;
  const mass = load<f64>(side.beyond + next * 24);
  return next ? mass + load<f64>(side.density + (next - 1 << 3)) * (load<f64>(side.edges + (next << 3)) - x) : mass;
}

/** How many edges of a side are at most `limit`, by bisection. */
export function edgesUpTo(side: Side, limit: f64): usize {
  let low: usize = 0, high = side.count;
  while (low < high) {
    const middle = low + high >> 1;
    if (load<f64>(side.edges + (middle << 3)) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The real number whose float32 has these upper 16 bits, by magnitude. */
function magnitude(bin: u32): f64 {
  return <f64>reinterpret<f32>(bin << 16);
}

/** Fill `side` with the bins of one sign, cut to magnitudes from nearest to farthest; returns where the next side may begin. */
function readSide(side: Side, bins: usize, counts: usize, used: usize, sign: u32, nearest: f64, farthest: f64, scratch: usize): usize {
  const bytes = <usize>countBins(bins, used, sign) << 4; // two f64 edges a bin
  side.edges = scratch;
  side.drops = scratch + bytes;
  side.density = scratch + 2 * bytes;
  side.beyond = scratch + 3 * bytes;
  for (let i: usize = 0; i < used; i++) {
    const at = sign ? used - 1 - i : i; // by magnitude
    const bin = <u32>load<u16>(bins + (at << 1)) ^ sign;
    if (!isOrdinary(bin)) continue;
    const low = Math.max(magnitude(bin), nearest), high = Math.min(magnitude(bin + 1), farthest);
    const mass = <f64>load<u64>(counts + (at << 3));
    if (low < high) {
      addEdge(side, low);
      store<f64>(side.density + (side.count - 1 << 3), mass / (high - low));
      addEdge(side, high);
    } else {
      addEdge(side, farthest);
      side.atEnd += mass;
    }
  }
  sumSide(side);
  return scratch + 6 * bytes;
}

/** Neither zero, nor Inf, nor NaN, nor of the other sign. */
// @ts-ignore: decorator
@inline
function isOrdinary(bin: u32): bool {
  return bin - 1 < 0x7f7f;
}

function countBins(bins: usize, used: usize, sign: u32): u32 {
  let count: u32 = 0;
  for (let i: usize = 0; i < used; i++) count += u32(isOrdinary(<u32>load<u16>(bins + (i << 1)) ^ sign));
  return count;
}

/** Neighbouring bins share their edge. */
function addEdge(side: Side, edge: f64): void {
  const end = side.edges + (side.count << 3);
  if (side.count && load<f64>(end - 8) == edge) return;
  store<f64>(end, edge);
  store<f64>(side.density + (side.count << 3), 0);
  side.count++;
}

/** From edges and densities, what a price needs: the drops, and the moments beyond each edge, summed from the far end. */
function sumSide(side: Side): void {
  let mass = side.atEnd, first: f64 = 0, second: f64 = 0;
  for (let j = side.count; j-- > 0;) {
    const edge = side.edges + (j << 3), right = side.density + (j << 3);
    if (j + 1 < side.count) {
      const width = load<f64>(edge, 8) - load<f64>(edge), bin = load<f64>(right) * width;
      second += width * (2 * first + width * (mass + bin / 3));
      first += width * (mass + bin / 2);
      mass += bin;
    }
    store<f64>(side.drops + (j << 3), (j ? load<f64>(right - 8) : 0) - load<f64>(right));
    const beyond = side.beyond + j * 24;
    store<f64>(beyond, mass);
    store<f64>(beyond, first, 8);
    store<f64>(beyond, second, 16);
  }
}
