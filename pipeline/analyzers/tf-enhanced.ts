import type { Kernels } from '../kernels/index.ts';
import type { Encoding } from '../quant/encoding.ts';
import type { Grid } from '../quant/grid.ts';
import { foundEncoding, searched, type Observed, type SearchOptions } from './scheme.ts';

/**
 * The encoding of least squared error, where what is clipped counts `gamma` times.
 *
 * AIMET's candidates (17 deltas by 21 offsets; on a symmetric grid 101 deltas), priced on what was observed rather than on 512
 * buckets, and a local search from the best of them. Unlike AIMET's, a range may be narrower than 0.01, down to 255 times the
 * float32 epsilon (at 8 bits the smallest delta of its newer analyzers); and an all-zero tensor gets min-max's encoding, not
 * [-1, 1], which would break the strict and the unsigned grid.
 *
 * @see AIMET, DlQuantization/TfEnhancedEncodingAnalyzer.cpp
 */
export function tfEnhancedEncoding(kernels: Kernels, observed: Observed, grid: Grid, { gamma }: SearchOptions): Encoding {
  return foundEncoding(kernels.encodeTfEnhanced(searched(observed), grid, gamma), grid);
}
