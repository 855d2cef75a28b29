import type { Kernels } from '../kernels/index.ts';
import type { Encoding } from '../quant/encoding.ts';
import type { Grid } from '../quant/grid.ts';
import { foundEncoding, searched, type Observed } from './scheme.ts';

/** Clipping counts as much as rounding. */
const GAMMA = 1;

/** The encoding of least squared error: tf-enhanced's search, with what is clipped weighed like all the rest. */
export function mseEncoding(kernels: Kernels, observed: Observed, grid: Grid): Encoding {
  return foundEncoding(kernels.encodeTfEnhanced(searched(observed), grid, GAMMA), grid);
}
