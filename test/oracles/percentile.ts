import type { Interval } from './rounding-error.ts';

/** Reference for assembly/encode-percentile.ts: the range that leaves a share of the mass outside at either end, by bisection. */
export function percentileRange(parts: readonly Interval[], percentile: number): [min: number, max: number] {
  const total = parts.reduce((sum, { mass }) => sum + mass, 0), tail = total * (1 - percentile / 100);
  const above = (x: number) => parts.reduce((sum, { low, high, mass }) => sum + (low === high ? (low > x ? mass : 0) : mass * share(low, high, x)), 0);
  const below = (x: number) => parts.reduce((sum, { low, high, mass }) => sum + (low === high ? (low < x ? mass : 0) : mass * (1 - share(low, high, x))), 0);
  const farthest = (sign: number) => parts.reduce((most, { low, high }) => Math.max(most, sign * low, sign * high), 0);
  return [-least(farthest(-1), x => below(-x) <= tail), least(farthest(1), x => above(x) <= tail)];
}

/** Share of an interval that lies above x. */
function share(low: number, high: number, x: number): number {
  return Math.min(Math.max((high - x) / (high - low), 0), 1);
}

/** The least number from 0 to `most` that is enough. */
function least(most: number, isEnough: (x: number) => boolean): number {
  if (isEnough(0)) return 0;
  let low = 0, high = most;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}
