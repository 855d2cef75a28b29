import { fitBiases } from '../config/fit-biases.ts';
import { rangeText } from '../config/holding-zero.ts';
import type { EncodingTable, Placement } from '../config/placement.ts';
import type { Model } from '../graph/graph.ts';
import { nonFiniteCounts } from '../observers/signal-power.ts';
import type { Statistics } from '../observers/statistics.ts';
import { MIN_RANGE } from '../quant/encoding.ts';
import type { StartingPoint } from './starting-point.ts';

/** Steps that a file gives are not widened where a bias needs more than int32 has of them. */
export function narrowBiasWarnings(model: Model, placement: Placement, encodings: EncodingTable): string[] {
  const roomy = fitBiases(model, placement, encodings);
  const narrow = placement.biases.filter(({ weight }) => roomy.get(weight) !== encodings.get(weight));
  return narrow.map(({ tensor, weight }) => `bias '${tensor}' is clipped: the steps of '${weight}', which a file gives, are too small for it`);
}

/** Why there was nothing to observe. */
export function unobservedWarnings({ frozen, placement: { quantizers, floats } }: Pick<StartingPoint, 'frozen' | 'placement'>): string[] {
  if (frozen.size > 0) return ['nothing was observed: the encodings of all activations are frozen'];
  if (!floats.every(({ role }) => role === 'weight')) return [];
  return [`nothing was observed: no activation is quantized, and ${quantizers.length + floats.length} constants are (weight-only quantization)`];
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

/** Names in a warning before the rest is counted. */
const NAMES_SHOWN = 3;

/** Ranges that the configuration fixes and that the grids cannot keep: symmetric ones reach as far on both sides, and none is narrower than {@link MIN_RANGE}. One sentence for all. */
export function widenedRangeWarnings({ quantizers }: Placement, encodings: EncodingTable, kept: { has(tensor: string): boolean }): string[] {
  const widened = quantizers.filter(({ constraint, tensor }) => constraint !== null && !kept.has(tensor)).flatMap(({ tensor, constraint, grid }) => {
    const { min, max, delta } = encodings.get(tensor)![0]!;
    const isBeyond = (fixed: number | null, end: number, direction: number) => fixed !== null && (end - fixed) * direction > delta * WITHIN_ITS_STEP;
    if (!isBeyond(constraint!.min, min, -1) && !isBeyond(constraint!.max, max, 1)) return [];
    const reason = grid.symmetry === 'asymmetric' ? `no range is narrower than ${MIN_RANGE}` : `its grid is ${grid.symmetry}`;
    return [`'${tensor}' with ${rangeText(constraint!)} is ${rounded(min)} to ${rounded(max)}, because ${reason}`];
  });
  if (widened.length === 0) return [];
  const more = widened.length > NAMES_SHOWN ? `; and ${widened.length - NAMES_SHOWN} more` : '';
  return [`${widened.length} fixed ${widened.length === 1 ? 'range is' : 'ranges are'} widened: ${widened.slice(0, NAMES_SHOWN).join('; ')}${more}`];
}

/** A symmetric grid has one code more below zero, and putting a code on zero shifts others by half a step: neither widens. */
const WITHIN_ITS_STEP = 1 + 1e-6;

const rounded = (end: number): number => Number(end.toPrecision(4));
