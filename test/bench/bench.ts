/** Median milliseconds of one call, after warming up until the JIT has settled. */
export function median(run: () => void, { warmup = 20, samples = 51 } = {}): number {
  for (let i = 0; i < warmup; i++) run();
  const times = Array.from({ length: samples }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[samples >> 1]!;
}

/** One row per kernel: its throughput, and how many times faster than its oracle in the same run. */
export function row(name: string, bytes: number, kernel: () => void, oracle: () => void) {
  const [fast, slow] = [median(kernel), median(oracle)];
  return { name, 'GB/s': +(bytes / fast / 1e6).toFixed(1), 'x oracle': +(slow / fast).toFixed(1) };
}
