import type { Interval } from './rounding-error.ts';
import { percentileRange } from './percentile.ts';

const BINS = 2048;

/** Reference for assembly/encode-entropy.ts: P and Q written out, bin by bin, for every window. Gives the range of least divergence. */
export function entropyRange(parts: readonly Interval[], codes: number, isMirrored: boolean): [min: number, max: number] {
  const values = parts.filter(({ low, high }) => low !== 0 || high !== 0);
  const [farMin, farMax] = percentileRange(values, 99.99), reach = 8 * Math.max(-farMin, farMax);
  let min = Math.max(Math.min(0, ...values.map(({ low }) => low)), -reach), max = Math.min(Math.max(0, ...values.map(({ high }) => high)), reach);
  if (isMirrored) [min, max] = [-Math.max(-min, max), Math.max(-min, max)];
  const edge = (i: number) => (i === BINS ? max : min + (max - min) * i / BINS);
  const bins = Float64Array.from({ length: BINS }, (_, i) => massBetween(values, edge(i), edge(i + 1), i === 0));
  const outside: [number, number] = [massBetween(values, -Infinity, min, false) - massAt(values, min), massBetween(values, max, Infinity, false)];
  const total = values.reduce((sum, { mass }) => sum + mass, 0);
  const price = (left: number, right: number) => divergence(bins, { outside, total }, [left, right], codes);
  const windows = isMirrored ? mirroredWindows(codes) : freeWindows(codes, Math.min(BINS - 1, Math.floor(-min / (max - min) * BINS)), price);
  const [left, right] = windows.map(([left, right]) => ({ left, right, price: price(left, right) }))
    .map(({ left, right, price }) => [left, right, price] as const).reduce((best, next) => (next[2] < best[2] ? next : best));
  return [edge(left), edge(right)];
}

/** In (low, high]; with `isFirst` low itself too. */
function massBetween(parts: readonly Interval[], low: number, high: number, isFirst: boolean): number {
  return parts.reduce((sum, part) => {
    if (part.low === part.high) return sum + ((part.low > low || (isFirst && part.low === low)) && part.low <= high ? part.mass : 0);
    const overlap = Math.min(part.high, high) - Math.max(part.low, low);
    return overlap > 0 ? sum + part.mass * overlap / (part.high - part.low) : sum;
  }, 0);
}

function massAt(parts: readonly Interval[], x: number): number {
  return parts.reduce((sum, { low, high, mass }) => sum + (low === x && high === x ? mass : 0), 0);
}

function mirroredWindows(codes: number): [number, number][] {
  return Array.from({ length: (BINS - codes >> 1) + 1 }, (_, i) => [i, BINS - i]);
}

function freeWindows(codes: number, zero: number, price: (left: number, right: number) => number): [number, number][] {
  const path: [number, number][] = [[0, BINS]];
  for (;;) {
    const [left, right] = path.at(-1)!;
    const next = ([[left + 1, right - 1], [left + 2, right], [left, right - 2]] as [number, number][])
      .filter(([l, r]) => r - l >= codes && (l <= zero || l === left) && l <= zero && r > zero)
      .map(window => ({ window, price: price(...window) }));
    if (next.length === 0) return path;
    path.push(next.reduce((best, other) => (other.price < best.price ? other : best)).window);
  }
}

interface Masses {
  /** Below and above all bins. */
  readonly outside: readonly [number, number];
  readonly total: number;
}

function divergence(bins: Float64Array, { outside: [below, above], total }: Masses, [left, right]: [number, number], codes: number): number {
  const p = bins.slice(left, right);
  for (let i = 0; i < left; i++) p[0]! += bins[i]!;
  for (let i = right; i < BINS; i++) p[p.length - 1]! += bins[i]!;
  p[0]! += below;
  p[p.length - 1]! += above;
  let sum = 0;
  for (let code = 0; code < codes; code++) {
    const start = Math.floor(p.length * code / codes), end = Math.floor(p.length * (code + 1) / codes);
    const own = bins.slice(left + start, left + end).reduce((mass, bin) => mass + bin, 0);
    let used = 0;
    for (let i = start; i < end; i++) if (p[i]! > 0) used++;
    for (let i = start; i < end; i++) {
      if (p[i]! > 0) sum += p[i]! / total * Math.log(p[i]! / ((own > 0 ? own : 1e-4 * total) / used));
    }
  }
  return sum;
}
