/** Reference for assembly/min-max.ts, written to be read. */
export function minMaxOracle(values: Float32Array, range: Float32Array): void {
  for (const x of values) {
    if (!Number.isFinite(x)) continue;
    if (x < range[0]!) range[0] = x === 0 ? 0 : x;
    if (x > range[1]!) range[1] = x === 0 ? 0 : x;
  }
}

/** Reference for assembly/min-max-channels.ts: the smallest value of each channel, then the largest of each. */
export function minMaxChannelsOracle(values: Float32Array, { channels, inner }: { channels: number; inner: number }): Float32Array {
  const ranges = Array.from({ length: channels }, (_, channel) => {
    const range = Float32Array.of(Infinity, -Infinity);
    minMaxOracle(values.filter((_, at) => Math.floor(at / inner) % channels === channel), range);
    return range;
  });
  return Float32Array.from([...ranges.map(range => range[0]!), ...ranges.map(range => range[1]!)]);
}
