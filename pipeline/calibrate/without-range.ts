import type { EncodingTable, Placement } from '../config/placement.ts';
import { nonFiniteCounts } from '../observers/signal-power.ts';
import type { Statistics } from '../observers/statistics.ts';

/** Tensors that share an encoding and have none, because nothing finite was seen of any of them. */
export interface WithoutRange {
  readonly tensors: readonly string[];
  /** What was seen instead, as a sentence. */
  readonly fact: string;
}

/**
 * The groups of activations that were observed and never held a finite value. What was not observed at all is none of them: those statistics are
 * of another configuration.
 */
export function withoutRange({ quantizers }: Placement, { tensors, samples }: Statistics, frozen: EncodingTable): WithoutRange[] {
  return quantizers.filter(({ tensor, group }) => tensor === group && !frozen.has(tensor)).flatMap(({ group, observed, constraint }) => {
    const seen = observed.map(name => tensors.get(name));
    if (seen.length === 0 || (constraint?.min ?? null) !== null && (constraint?.max ?? null) !== null) return [];
    if (seen.some(statistics => statistics === undefined || statistics.min <= statistics.max)) return [];
    const counts = seen.map(statistics => nonFiniteCounts(statistics!));
    const [nan, infinite] = [counts.reduce((sum, { nan }) => sum + nan, 0n), counts.reduce((sum, { infinite }) => sum + infinite, 0n)];
    const what = nan + infinite === 0n ? 'it had no elements' : `it held ${nan} NaN and ${infinite} infinite values, and no finite one,`;
    return [{ tensors: quantizers.filter(quantizer => quantizer.group === group).map(({ tensor }) => tensor), fact: `${what} in ${samples} samples` }];
  });
}

/** What the user can do about it. */
export function remedyFor(tensor: string): string {
  return `mend the model or the data, or say in an override what becomes of it: {"${tensor}": {"is_quantized": false}}, or a range, {"${tensor}": {"min": -1, "max": 1}}`;
}
