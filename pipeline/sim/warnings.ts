import { fitBiases } from '../config/fit-biases.ts';
import type { EncodingTable, Placement } from '../config/placement.ts';
import type { Model } from '../graph/graph.ts';
import { nonFiniteCounts } from '../observers/signal-power.ts';
import type { Statistics } from '../observers/statistics.ts';

/** Frozen steps are not widened where a bias needs more than int32 has of them. */
export function narrowBiasWarnings(model: Model, placement: Placement, encodings: EncodingTable): string[] {
  const roomy = fitBiases(model, placement, encodings);
  const narrow = placement.biases.filter(({ weight }) => roomy.get(weight) !== encodings.get(weight));
  return narrow.map(({ tensor, weight }) => `bias '${tensor}' is clipped: the frozen steps of '${weight}' are too small for it`);
}

/** Tensors that held NaN or infinite values while they were observed. */
export function nonFiniteWarnings({ tensors }: Statistics): string[] {
  return [...tensors].flatMap(([tensor, statistics]) => {
    const { nan, infinite } = nonFiniteCounts(statistics);
    if (nan + infinite === 0n) return [];
    const all = statistics.counts.reduce((sum, count) => sum + count, 0n);
    return [`'${tensor}': ${nan} NaN and ${infinite} infinite values of ${all} were left out of its range`];
  });
}
