import { QuantpipeError } from '../base/errors.ts';
import type { Kernels } from '../kernels/index.ts';
import type { Encoding } from '../quant/encoding.ts';
import type { Grid } from '../quant/grid.ts';
import { foundEncoding, searched, type Observed, type SearchOptions } from './scheme.ts';

/**
 * The encoding that clips (100 - percentile) % of the finite values at either end; 100 clips nothing. The end of a tail is
 * interpolated within a bin of the histogram, so that it is off by less than 1 %.
 *
 * @see AIMET, DlQuantization/PercentileEncodingAnalyzer.cpp: two-sided as well, but on 512 buckets and to their edges
 */
export function percentileEncoding(kernels: Kernels, observed: Observed, grid: Grid, { percentile }: SearchOptions): Encoding {
  if (!(percentile > 50 && percentile <= 100)) {
    throw new QuantpipeError('config-invalid', `percentile must be over 50 and at most 100, got ${percentile}`);
  }
  return foundEncoding(kernels.encodePercentile(searched(observed), grid, percentile), grid);
}
