import type { Kernels } from '../kernels/index.ts';
import type { Encoding } from '../quant/encoding.ts';
import type { Grid } from '../quant/grid.ts';
import { entropyEncoding } from './entropy.ts';
import { minMaxEncoding } from './min-max.ts';
import { mseEncoding } from './mse.ts';
import { percentileEncoding } from './percentile.ts';
import type { Observed, Scheme, SearchOptions } from './scheme.ts';
import { tfEnhancedEncoding } from './tf-enhanced.ts';

export { checkSearchOptions } from './scheme.ts';
export type { Observed, SearchOptions } from './scheme.ts';

/** The ways to choose a range. Command line, config and tests read this table. */
export const schemes = {
  'min-max': minMaxEncoding,
  'tf-enhanced': tfEnhancedEncoding,
  'mse': mseEncoding,
  'percentile': percentileEncoding,
  'entropy': entropyEncoding,
} as const satisfies Record<string, Scheme>;

export type SchemeName = keyof typeof schemes;

/**
 * Choose the encoding of one tensor or channel.
 *
 * Values that are not finite are passed over; where there is no other, the error is 'statistics-missing'. The caller, who knows
 * the tensor's name, adds it.
 */
export function findEncoding(kernels: Kernels, scheme: SchemeName, observed: Observed, grid: Grid, options: SearchOptions): Encoding {
  return schemes[scheme](kernels, observed, grid, options);
}
