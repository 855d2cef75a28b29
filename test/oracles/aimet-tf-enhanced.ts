/**
 * AIMET's own tf-enhanced analyzer ("generation C"), as the project's notes give it: a histogram of 512 buckets whose range the
 * first batch fixes, and a grid search on it. Written apart from ours, to judge ours by.
 */
export interface AimetEncoding {
  readonly min: number;
  readonly max: number;
  readonly delta: number;
  readonly offset: number;
  readonly cost: number;
}

export interface AimetGrid {
  readonly bitwidth: number;
  readonly symmetric: boolean;
  readonly strict?: boolean;
  readonly unsigned?: boolean;
  /** 101 as AIMET counts in float32, 100 as it counts in float64. */
  readonly symmetricDeltas?: number;
}

export interface AimetPdf {
  readonly left: number;
  readonly width: number;
  readonly mass: Float64Array;
}

const BUCKETS = 512;
const GAMMA = 3;

const roundAway = (x: number) => Math.sign(x) * Math.floor(Math.abs(x) + 0.5);
const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);

/** Equal weight for each batch; what falls outside the first batch's range (three times as wide) is dropped. */
export function aimetPdf(batches: readonly Float32Array[]): AimetPdf | null {
  let pdf: AimetPdf | null = null;
  let iterations = 0;
  for (const batch of batches) {
    pdf ??= emptyPdf(batch);
    if (!pdf) continue;
    const seen = new Float64Array(BUCKETS);
    for (const x of batch) {
      const index = roundAway(x / pdf.width - pdf.left / pdf.width);
      if (index >= 0 && index < BUCKETS) seen[index]!++;
    }
    for (let i = 0; i < BUCKETS; i++) pdf.mass[i] = (pdf.mass[i]! * iterations + seen[i]! / batch.length) / (iterations + 1);
    iterations++;
  }
  return pdf;
}

function emptyPdf(batch: Float32Array): AimetPdf | null {
  let min = Infinity, max = -Infinity;
  for (const x of batch) {
    if (x < min) min = x;
    if (x > max) max = x;
  }
  if (min === 0 && max === 0) return null;
  if (min === max) max = Math.max(max, min + 0.01);
  const middle = (min + max) / 2;
  const left = middle - 3 * (middle - min), right = middle + 3 * (max - middle);
  return { left, width: (right - left) / BUCKETS, mass: new Float64Array(BUCKETS) };
}

/** The range as AIMET reads it back: bucket edges, zero included, at least 0.01 wide. */
export function readBack({ left, width, mass }: AimetPdf): [min: number, max: number] {
  const low = mass.findIndex(share => share > 0), high = mass.findLastIndex(share => share > 0);
  const min = Math.min(left + low * width, 0);
  return [min, Math.max(left + high * width, 0, min + 0.01)];
}

export function aimetTfEnhanced(batches: readonly Float32Array[], grid: AimetGrid): AimetEncoding {
  const codes = 2 ** grid.bitwidth - 1;
  const pdf = aimetPdf(batches);
  if (!pdf) return { min: -1, max: 1, delta: 2 / codes, offset: Math.floor(-codes / 2), cost: 0 };
  const steps = codes - (grid.symmetric && grid.strict ? 1 : 0);
  const [min, max] = readBack(pdf);
  const candidates = grid.symmetric ? symmetricCandidates(min, max, steps, grid) : asymmetricCandidates(min, max, steps);
  let best = { delta: NaN, offset: NaN, cost: Infinity };
  for (const [delta, offset] of candidates) {
    const cost = aimetCost(pdf, delta, offset, codes);
    if (cost < best.cost) best = { delta, offset, cost };
  }
  return { ...best, min: best.delta * best.offset, max: best.delta * (best.offset + steps) };
}

function asymmetricCandidates(rangeMin: number, rangeMax: number, steps: number): [delta: number, offset: number][] {
  const full = (rangeMax - rangeMin) / steps, zero = roundAway(rangeMin / full);
  const min = full * zero, max = full * (zero + steps);
  const candidates: [number, number][] = [];
  for (let f = 1; f <= 17; f++) {
    for (let i = 0; i <= 20; i++) {
      const delta = full * f / 16, offset = Math.trunc(-steps + steps / 20 * i);
      const low = delta * offset, high = delta * (offset + steps);
      if (low < min && high > max) continue;
      const a = Math.max(low, min), b = Math.min(high, max);
      if (a === b) continue;
      candidates.push([(b - a) / steps, roundAway(a / ((b - a) / steps))]);
    }
  }
  return [...candidates, [full, zero]];
}

function symmetricCandidates(min: number, max: number, steps: number, grid: AimetGrid): [delta: number, offset: number][] {
  const oneSided = min === 0 && grid.unsigned === true;
  const full = oneSided ? max / steps : Math.max(Math.abs(min), Math.abs(max)) / (steps / 2);
  const offset = oneSided ? 0 : Math.floor(-steps / 2);
  return Array.from({ length: grid.symmetricDeltas ?? 101 }, (_, i) => [full * (i + 1) / 100, offset]);
}

function aimetCost({ left, width, mass }: AimetPdf, delta: number, offset: number, codes: number): number {
  const middle = (i: number) => left + i * width + width / 2;
  const low = clamp(Math.floor((delta * offset - left) / width), 0, BUCKETS - 1);
  const high = clamp(Math.floor((delta * (offset + codes) - left) / width), 0, BUCKETS - 1);
  let cost = 0;
  for (let i = 0; i < BUCKETS; i++) {
    const x = middle(i);
    if (i < low) cost += GAMMA * mass[i]! * (x - middle(low)) ** 2;
    else if (i >= high) cost += GAMMA * mass[i]! * (x - middle(high)) ** 2;
    else cost += mass[i]! * (x - delta * (roundAway(x / delta - offset) + offset)) ** 2;
  }
  return cost;
}
