/** Reference for assembly/observed.ts and rounding-error.ts, bin by bin and value by value. */

/** Mass spread evenly from low to high, or at one point where they are equal. */
export interface Interval {
  readonly low: number;
  readonly high: number;
  readonly mass: number;
}

export interface OracleEncoding {
  readonly delta: number;
  readonly offset: number;
  readonly steps: number;
}

interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly bins: Uint16Array;
  readonly counts: BigUint64Array;
}

/** The bins of a histogram as intervals, cut at the extremes. What is not finite is left out; zeros are a point at 0. */
export function intervals({ min, max, bins, counts }: Histogram): Interval[] {
  const list: Interval[] = [];
  bins.forEach((bin, i) => {
    const magnitude = bin & 0x7fff, mass = Number(counts[i]!);
    if (magnitude >= 0x7f80) return;
    const near = floatOf(magnitude), far = floatOf(magnitude + 1);
    const [low, high] = magnitude === 0 ? [0, 0] : bin & 0x8000 ? [Math.max(-far, min), Math.min(-near, max)] : [Math.max(near, min), Math.min(far, max)];
    list.push({ low, high, mass });
  });
  return list;
}

function floatOf(upperBits: number): number {
  return new Float32Array(Uint32Array.of(upperBits << 16).buffer)[0]!;
}

/** The squared error of an encoding, what is clipped counting gamma times; the rounding error by its antiderivative. */
export function roundingErrorOracle(parts: readonly Interval[], { delta, offset, steps }: OracleEncoding, gamma: number): number {
  const low = delta * offset, high = delta * (steps + offset);
  return parts.reduce((sum, part) => sum + intervalError(part, [low, high], gamma, (a, b) => delta ** 3 * (antiderivative(b / delta) - antiderivative(a / delta)), delta), 0);
}

/** The same, code by code instead: each code's cell is a parabola. Slow, and plainly right. */
export function roundingErrorByCells(parts: readonly Interval[], { delta, offset, steps }: OracleEncoding, gamma: number): number {
  const integral = (a: number, b: number) => {
    let sum = 0;
    for (let code = Math.floor(a / delta - 0.5); code <= Math.ceil(b / delta + 0.5); code++) {
      const from = Math.max(a, delta * (code - 0.5)), to = Math.min(b, delta * (code + 0.5));
      if (from < to) sum += ((to - delta * code) ** 3 - (from - delta * code) ** 3) / 3;
    }
    return sum;
  };
  return parts.reduce((sum, part) => sum + intervalError(part, [delta * offset, delta * (steps + offset)], gamma, integral, delta), 0);
}

function intervalError(
  { low, high, mass }: Interval, [min, max]: [number, number], gamma: number, inside: (a: number, b: number) => number, delta: number,
): number {
  if (low === high) return mass * valueError(low, [min, max], gamma, delta);
  const cube = (x: number) => Math.max(x, 0) ** 3 / 3;
  const clipped = cube(high - max) - cube(low - max) + cube(min - low) - cube(min - high);
  const [a, b] = [Math.max(low, min), Math.min(high, max)];
  return mass / (high - low) * (gamma * clipped + (a < b ? inside(a, b) : 0));
}

function valueError(x: number, [min, max]: [number, number], gamma: number, delta: number): number {
  if (x < min) return gamma * (min - x) ** 2;
  if (x > max) return gamma * (x - max) ** 2;
  return (x - delta * Math.round(x / delta)) ** 2;
}

function antiderivative(t: number): number {
  const code = Math.round(t);
  return code / 12 + (t - code) ** 3 / 3;
}

/** The same error of a list of values; AIMET's cost on what was really seen. */
export function valuesErrorOracle(values: Float32Array, { delta, offset, steps }: OracleEncoding, gamma: number): number {
  let sum = 0;
  for (const x of values) {
    if (Number.isFinite(x)) sum += valueError(x, [delta * offset, delta * (steps + offset)], gamma, delta);
  }
  return sum;
}
