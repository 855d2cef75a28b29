import type { TensorStatistics } from './statistics.ts';

const BITS = new Uint32Array(1);
const FLOAT = new Float32Array(BITS.buffer);

/** Sum of squares of the finite values, each bin taken at its middle: within 2^-7 of the exact sum. */
export function signalPower({ bins, counts }: TensorStatistics): number {
  let power = 0;
  for (let i = 0; i < bins.length; i++) {
    BITS[0] = ((bins[i]! << 16) | 0x8000) >>> 0;
    const middle = FLOAT[0]!;
    if (Number.isFinite(middle)) power += Number(counts[i]) * middle * middle;
  }
  return power;
}

/** How many NaN and how many infinite values were seen. */
export function nonFiniteCounts({ bins, counts }: TensorStatistics): { readonly nan: bigint; readonly infinite: bigint } {
  let [nan, infinite] = [0n, 0n];
  for (let i = 0; i < bins.length; i++) {
    const magnitude = bins[i]! & 0x7fff;
    if (magnitude === 0x7f80) infinite += counts[i]!;
    else if (magnitude > 0x7f80) nan += counts[i]!;
  }
  return { nan, infinite };
}
