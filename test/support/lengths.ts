/** Lengths that reach every path of a kernel unrolled `step` wide: none, tail only, whole steps, and both. */
export function edgeLengths(step: number): number[] {
  return [...Array(2 * step + 2).keys(), 5 * step, 5 * step - 1, 5 * step + 1];
}
