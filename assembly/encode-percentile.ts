// The encoding that clips a share of the values at either end: AIMET's percentile, two-sided.
//
// A tail is (100 - percentile) % of all finite values, zeros included. Each end lies where that much lies farther out; within a
// bin the values count as spread evenly. 100 clips nothing. The range then holds zero, whatever the tails say.
//
// observed must be read from a histogram; percentile: over 50, to 100; symmetry and encoding as in fit-encoding.ts.
// Oracle   test/oracles/percentile.ts.

import { fitEncoding } from "./fit-encoding";
import { Observed, Side } from "./observed";

export function encodePercentile(observed: Observed, bitwidth: u32, symmetry: u32, percentile: f64, encoding: usize): void {
  const tail = (100 - percentile) / 100 * observed.total;
  fitEncoding(-quantile(observed.negative, tail), quantile(observed.positive, tail), bitwidth, symmetry, encoding);
}

/** The magnitude beyond which a side has the mass `tail`; 0 when it has no more than that in all. */
export function quantile(side: Side, tail: f64): f64 {
  let low: usize = 0, high = side.count; // first edge with at most the tail beyond it: the masses descend
  while (low < high) {
    const middle = low + high >> 1;
    if (load<f64>(side.beyond + middle * 24) > tail) low = middle + 1;
    else high = middle;
  }
  if (low == 0) return 0;
  const left = side.edges + (low - 1 << 3);
  if (low == side.count) return load<f64>(left); // the mass at the last edge alone is more than the tail
  const surplus = tail - load<f64>(side.beyond + low * 24);
  return load<f64>(left, 8) - surplus / load<f64>(side.density + (low - 1 << 3));
}
