/** A line of a bench's table: column to content. */
export type Row = Readonly<Record<string, string | number>>;

/** What a file *.bench.ts exports: its lines, one by one, each measured when it is asked for. */
export type Rows = () => AsyncGenerator<Row>;

/**
 * Median milliseconds of one call of each function. They take turns, so that a busy machine slows all of them alike and their
 * ratios hold; the first turns warm up the JIT and do not count.
 */
export function medians<Name extends string>(runs: Readonly<Record<Name, () => void>>, { warmup = 20, samples = 51 } = {}): Record<Name, number> {
  const names = Object.keys(runs) as Name[];
  const times = Object.fromEntries(names.map(name => [name, []])) as unknown as Record<Name, number[]>;
  for (let turn = 0; turn < warmup + samples; turn++) {
    for (const name of names) {
      const start = performance.now();
      runs[name]();
      if (turn >= warmup) times[name].push(performance.now() - start);
    }
  }
  return Object.fromEntries(names.map(name => [name, median(times[name])])) as Record<Name, number>;
}

/** The middle one, of an odd number of values. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** Nanoseconds for one of `count` elements. */
export const perElement = (milliseconds: number, count: number): number => round(milliseconds * 1e6 / count);

/** Throughput when `bytes` are read or written. */
export const gigabytesPerSecond = (milliseconds: number, bytes: number): number => round(bytes / milliseconds / 1e6);

/** Two digits after the point: more would be noise. */
export const round = (x: number): number => Math.round(x * 100) / 100;
