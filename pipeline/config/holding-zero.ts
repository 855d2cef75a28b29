import type { Constraint } from './placement.ts';

/** A fixed range widened to hold zero, which every encoding has a code for; the range itself where it does. */
export function holdingZero(range: Constraint): Constraint {
  const [min, max] = [range.min !== null && range.min > 0 ? 0 : range.min, range.max !== null && range.max < 0 ? 0 : range.max];
  return min === range.min && max === range.max ? range : { min, max };
}

/** A fixed range for sentences: 'min 2 and max 6', 'max -1'. */
export function rangeText({ min, max }: Constraint): string {
  return [...(min === null ? [] : [`min ${min}`]), ...(max === null ? [] : [`max ${max}`])].join(' and ');
}
