// The searches: milliseconds for a tensor's histogram, against the oracle in TypeScript; and for all the weights of a model.
import { check } from '../../pipeline/base/check.ts';
import { Kernels } from '../../pipeline/kernels/kernels.ts';
import type { SearchGrid } from '../../pipeline/kernels/search.ts';
import { grid, steps } from '../../pipeline/quant/grid.ts';
import { intervals, roundingErrorOracle, type Interval } from '../oracles/rounding-error.ts';
import { tfEnhancedOracle } from '../oracles/tf-enhanced.ts';
import { distributions } from '../support/distributions.ts';
import { floats } from '../support/random.ts';
import { medians, round, type Row } from './bench.ts';

const GAMMA = 3;
/** Enough for a histogram of two to three thousand bins. */
const VALUES = 200_000;
/** MobileNetV2's size and about its division: two thirds in channels of some hundred values, the rest in short and long ones. */
const WEIGHTS: readonly [channels: number, length: number][] = [[8_000, 9], [6_000, 96], [3_000, 320], [1_000, 960]];

export async function* rows(): AsyncGenerator<Row> {
  const kernels = await Kernels.load();
  const shapes = distributions(VALUES, 1);
  for (const shape of ['normal', 'rectified', 'heavy-tailed']) {
    for (const symmetry of ['asymmetric', 'symmetric'] as const) {
      for (const bitwidth of [4, 8, 16]) yield tfEnhancedRow(kernels, shape, shapes[shape]!, grid(bitwidth, symmetry));
    }
  }
  for (const symmetry of ['asymmetric', 'symmetric'] as const) yield otherRow(kernels, shapes['normal']!, grid(8, symmetry));
  for (const symmetry of ['asymmetric', 'symmetric'] as const) yield weightsRow(kernels, grid(8, symmetry));
}

function tfEnhancedRow(kernels: Kernels, shape: string, values: Float32Array, grid: SearchGrid): Row {
  const statistics = kernels.observe(values), parts = intervals(statistics);
  const search = () => kernels.encodeTfEnhanced(statistics, grid, GAMMA)!;
  const oracle = () => oracleSearch(parts, statistics, grid);
  const [, , delta, offset] = search();
  check(priceOf(parts, grid)(delta, offset) <= oracle().price * (1 + 1e-9), 'the kernel and its oracle find the same');
  const { kernel } = medians({ kernel: search });
  const { slow } = medians({ slow: oracle }, { warmup: 1, samples: 3 });
  return { name: `tf-enhanced ${shape} ${grid.bitwidth} ${grid.symmetry}`, bins: parts.length, ms: round(kernel), 'x oracle': round(slow / kernel) };
}

function priceOf(parts: readonly Interval[], grid: SearchGrid): (delta: number, offset: number) => number {
  return (delta, offset) => roundingErrorOracle(parts, { delta, offset, steps: steps(grid) }, GAMMA);
}

function oracleSearch(parts: readonly Interval[], { min, max }: { min: number; max: number }, grid: SearchGrid) {
  const offset = grid.symmetry === 'asymmetric' ? null : -Math.ceil(steps(grid) / 2);
  return tfEnhancedOracle(min, max, { steps: steps(grid), offset }, priceOf(parts, grid));
}

function otherRow(kernels: Kernels, values: Float32Array, grid: SearchGrid): Row {
  const statistics = kernels.observe(values);
  const { minMax, percentile, entropy } = medians({
    minMax: () => kernels.encodeMinMax(statistics, grid),
    percentile: () => kernels.encodePercentile(statistics, grid, 99.9),
    entropy: () => kernels.encodeEntropy(statistics, grid),
  }, { warmup: 5, samples: 21 });
  return { name: `ms, normal 8 ${grid.symmetry}`, 'min-max': round(minMax), percentile: round(percentile), entropy: round(entropy) };
}

/** Every channel on its values. */
function weightsRow(kernels: Kernels, grid: SearchGrid): Row {
  const channels = WEIGHTS.flatMap(([count, length]) => {
    const all = floats(count * length, { seed: length });
    return Array.from({ length: count }, (_, i) => all.subarray(i * length, (i + 1) * length));
  });
  const values = channels.reduce((sum, channel) => sum + channel.length, 0);
  const { all } = medians({ all: () => channels.forEach(channel => kernels.encodeTfEnhanced(channel, grid, GAMMA)) }, { warmup: 1, samples: 3 });
  return { name: `weights, 8 bits ${grid.symmetry}`, channels: channels.length, values, ms: round(all) };
}
