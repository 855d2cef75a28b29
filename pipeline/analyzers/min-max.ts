import type { Kernels } from '../kernels/index.ts';
import type { Encoding } from '../quant/encoding.ts';
import type { Grid } from '../quant/grid.ts';
import { foundEncoding, searched, type Observed } from './scheme.ts';

/** The encoding that clips nothing: it covers exactly the finite range that was seen. AIMET's `tf`, to the last digit. */
export function minMaxEncoding(kernels: Kernels, observed: Observed, grid: Grid): Encoding {
  return foundEncoding(kernels.encodeMinMax(searched(observed), grid), grid);
}
