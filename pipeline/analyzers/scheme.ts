import { QuantpipeError } from '../base/errors.ts';
import type { FoundEncoding, Kernels, Searched } from '../kernels/index.ts';
import type { TensorStatistics } from '../observers/statistics.ts';
import type { Encoding } from '../quant/encoding.ts';
import type { Grid } from '../quant/grid.ts';

/** What is known of a tensor or channel: statistics gathered over many batches, or its values. */
export type Observed =
  | { readonly kind: 'statistics'; readonly statistics: TensorStatistics }
  | { readonly kind: 'values'; readonly values: Float32Array };

export interface SearchOptions {
  /** How many times its squared error counts what tf-enhanced clips. At least 1; AIMET's is 3. */
  readonly gamma: number;
  /** Share of the values, in percent, that percentile keeps below the upper end and above the lower end. Over 50, to 100. */
  readonly percentile: number;
}

/** @throws `config-invalid` where a search cannot mean anything with these options */
export function checkSearchOptions({ gamma, percentile }: SearchOptions): void {
  if (!(gamma >= 1 && gamma < Infinity)) throw new QuantpipeError('config-invalid', `gamma must be a number of at least 1, got ${gamma}: a clipped value costs no less than a rounded one`);
  if (!(percentile > 50 && percentile <= 100)) throw new QuantpipeError('config-invalid', `percentile must be above 50, at most 100, got ${percentile}`);
}

/** How a range is chosen: from what was observed to an encoding on a grid that was chosen before. */
export type Scheme = (kernels: Kernels, observed: Observed, grid: Grid, options: SearchOptions) => Encoding;

/** What a search is given: values themselves, or a histogram. */
export function searched(observed: Observed): Searched {
  return observed.kind === 'values' ? observed.values : observed.statistics;
}

/** The encoding that a search found, or the error that there was nothing to search. */
export function foundEncoding(found: FoundEncoding | null, grid: Grid): Encoding {
  if (!found) throw new QuantpipeError('statistics-missing', 'there is no finite value');
  const [min, max, delta, offset] = found;
  return { min, max, delta, offset, grid };
}
