/** A seeded generator of uniform numbers in [0, 1): mulberry32. Tests never use Math.random. */
export function uniform(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function floats(count: number, { seed = 1, min = -4, max = 4 } = {}): Float32Array {
  const next = uniform(seed);
  return Float32Array.from({ length: count }, () => min + (max - min) * next());
}
