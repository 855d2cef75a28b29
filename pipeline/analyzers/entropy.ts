import type { Kernels } from '../kernels/index.ts';
import type { Encoding } from '../quant/encoding.ts';
import type { Grid } from '../quant/grid.ts';
import { foundEncoding, searched, type Observed } from './scheme.ts';

/**
 * The encoding whose range loses least information: least Kullback-Leibler divergence between the histogram and what is left of
 * it when its bins are merged to a bin per code. Works on 2048 even bins, so for up to 10 bits; wider grids get min-max's encoding.
 *
 * @see AIMET, DlQuantization/EntropyEncodingAnalyzer.cpp: 512 bins, 8 bits only; assembly/encode-entropy.ts says what differs
 */
export function entropyEncoding(kernels: Kernels, observed: Observed, grid: Grid): Encoding {
  return foundEncoding(kernels.encodeEntropy(searched(observed), grid), grid);
}
