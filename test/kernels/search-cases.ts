import type { Kernels } from '../../pipeline/kernels/kernels.ts';
import type { FoundEncoding } from '../../pipeline/kernels/search.ts';
import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { histogramOracle } from '../oracles/histogram.ts';
import { percentileRange } from '../oracles/percentile.ts';
import { intervals, valuesErrorOracle } from '../oracles/rounding-error.ts';
import { tfEnhancedOracle } from '../oracles/tf-enhanced.ts';
import type { KernelCase } from './cases.ts';

const GAMMA = 3;
const bits5 = grid(5);
const STEPS = 31;

const finite = (values: Float32Array) => values.filter(x => Number.isFinite(x));
const range = (values: Float32Array): [min: number, max: number] => [Math.min(...finite(values)), Math.max(...finite(values))];
const numbers = (found: FoundEncoding | null) => Float32Array.from(found ?? []);

/** A price as a share of what the values would cost if all were zero; no less than rounding of float64 makes of none. */
function share(values: Float32Array, price: number | null): Float32Array {
  const power = finite(values).reduce((sum, x) => sum + x * x, 0);
  return Float32Array.from(price === null ? [] : [power === 0 ? 0 : Math.max(price / power, 1e-13)]);
}

/** Run on the finite values, if there are any. */
const orNothing = (oracle: (values: Float32Array) => Float32Array) => (values: Float32Array) => (finite(values).length === 0 ? new Float32Array(0) : oracle(values));

function priceOfFound(kernels: Kernels, values: Float32Array): number | null {
  const found = kernels.encodeTfEnhanced(values, bits5, GAMMA);
  return found && valuesErrorOracle(values, { delta: found[2], offset: found[3], steps: STEPS }, GAMMA);
}

function encodingIn([min, max]: [number, number]): Float32Array {
  const { min: low, max: high, delta, offset } = fitEncoding(min, max, bits5);
  return Float32Array.of(low, high, delta, offset);
}

/** The searches as functions of a list of values. Entropy, whose oracle is slow, is in search.test.ts alone. */
export const searchCases: readonly KernelCase[] = [
  {
    name: 'rounding-error, value by value', step: 4, tolerance: 1e-6,
    kernel: (kernels, values) => share(values, kernels.roundingError(values, { delta: 0.1, offset: -12, steps: STEPS }, GAMMA)),
    oracle: orNothing(values => share(values, valuesErrorOracle(values, { delta: 0.1, offset: -12, steps: STEPS }, GAMMA))),
  },
  {
    name: 'encode-min-max', step: 1, tolerance: 0,
    kernel: (kernels, values) => numbers(kernels.encodeMinMax(values, bits5)),
    oracle: orNothing(values => encodingIn(range(values))),
  },
  {
    name: 'encode-tf-enhanced, its price', step: 4, tolerance: 1e-6,
    kernel: (kernels, values) => share(values, priceOfFound(kernels, values)),
    oracle: orNothing(values => share(values, tfEnhancedOracle(...range(values), { steps: STEPS, offset: null },
      (delta, offset) => valuesErrorOracle(values, { delta, offset, steps: STEPS }, GAMMA)).price)),
  },
  {
    name: 'encode-percentile', step: 1, tolerance: 1e-6,
    kernel: (kernels, values) => numbers(kernels.encodePercentile(values, bits5, 90)),
    oracle: orNothing(values => {
      const { bins, counts } = histogramOracle(values), [min, max] = range(values);
      return encodingIn(percentileRange(intervals({ min, max, bins, counts }), 90));
    }),
  },
];
