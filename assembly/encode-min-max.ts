// The encoding that clips nothing: it covers exactly what was observed.
//
// observed as observed.ts reads it; symmetry and encoding as in fit-encoding.ts.
// Oracle   pipeline/quant/encoding.ts, same bits.

import { fitEncoding } from "./fit-encoding";
import { Observed } from "./observed";

export function encodeMinMax(observed: Observed, bitwidth: u32, symmetry: u32, encoding: usize): void {
  fitEncoding(observed.min, observed.max, bitwidth, symmetry, encoding);
}
