/** Reference for assembly/min-max.ts, written to be read. */
export function minMaxOracle(values: Float32Array, range: Float32Array): void {
  for (const x of values) {
    if (x < range[0]!) range[0] = x;
    if (x > range[1]!) range[1] = x;
  }
}
