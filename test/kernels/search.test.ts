// The searches against their oracles, on both builds.
import * as assert from 'uvu/assert';

import type { FoundEncoding, SearchGrid } from '../../pipeline/kernels/search.ts';
import { steps } from '../../pipeline/quant/grid.ts';
import { entropyRange } from '../oracles/entropy.ts';
import { percentileRange } from '../oracles/percentile.ts';
import { intervals, roundingErrorByCells, roundingErrorOracle, valuesErrorOracle } from '../oracles/rounding-error.ts';
import { tfEnhancedOracle } from '../oracles/tf-enhanced.ts';
import { distributions } from '../support/distributions.ts';
import { suite } from '../support/suite.ts';
import { builds } from './builds.ts';

const symmetries = ['asymmetric', 'symmetric', 'strict-symmetric', 'unsigned-symmetric'] as const;
const grids = (...bitwidths: number[]): SearchGrid[] => bitwidths.flatMap(bitwidth => symmetries.map(symmetry => ({ bitwidth, symmetry })));
const nameOf = ({ bitwidth, symmetry }: SearchGrid) => `${bitwidth} bits ${symmetry}`;

/** The offset that a grid fixes; null where it is free. */
function fixedOffset(grid: SearchGrid, min: number): number | null {
  if (grid.symmetry === 'asymmetric') return null;
  return grid.symmetry === 'unsigned-symmetric' && min >= 0 ? 0 : -Math.ceil(steps(grid) / 2);
}

/** Within a tolerance relative to `scale`. */
function close(actual: number, expected: number, scale: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= 1e-9 * scale, `${what}: got ${actual}, expected ${expected}`);
}

const power = (values: Float32Array) => values.reduce((sum, x) => sum + x * x, 0);

for (const { name, kernels } of builds) {
  suite(`kernels/search, ${name}`, test => {
    for (const [shape, values] of Object.entries(distributions(300, 5))) {
      const statistics = kernels.observe(values), parts = intervals(statistics), scale = power(values);

      test(`prices encodings of ${shape} values as the oracles do`, () => {
        const reach = Math.max(statistics.max, -statistics.min);
        for (const [part, offset] of [[1, -128], [0.5, -100], [0.03, -255], [1.3, 0], [0.2, -7]] as const) {
          const encoding = { delta: part * reach / 255, offset, steps: 255 };
          const price = kernels.roundingError(statistics, encoding, 3)!;
          close(price, roundingErrorOracle(parts, encoding, 3), scale, 'bin by bin');
          close(price, roundingErrorByCells(parts, encoding, 3), scale, 'code by code');
          close(kernels.roundingError(values, encoding, 3)!, valuesErrorOracle(values, encoding, 3), scale, 'value by value');
        }
      });

      test(`finds the oracle's encoding of ${shape} values, by histogram and by value`, () => {
        for (const grid of grids(4, 8)) {
          const oracleGrid = { steps: steps(grid), offset: fixedOffset(grid, statistics.min) };
          const encodingOf = (delta: number, offset: number) => ({ delta, offset, steps: oracleGrid.steps });
          for (const [searched, price, listed] of [
            [statistics, (delta: number, offset: number) => roundingErrorOracle(parts, encodingOf(delta, offset), 3), Infinity],
            [values, (delta: number, offset: number) => valuesErrorOracle(values, encodingOf(delta, offset), 3), values.length],
          ] as const) {
            const expected = tfEnhancedOracle(statistics.min, statistics.max, oracleGrid, price, listed);
            const [, , delta, offset] = kernels.encodeTfEnhanced(searched, grid, 3)!;
            // Equal prices may fall either way by a rounding; then the walk starts elsewhere, and ends no dearer by more than that.
            const found = price(delta, offset);
            assert.ok(found <= expected.price * (1 + 1e-9) + 1e-13 * scale || (delta === expected.delta && offset === expected.offset),
              `${nameOf(grid)}: found ${delta}, ${offset} at ${found}, expected ${expected.delta}, ${expected.offset} at ${expected.price}`);
          }
        }
      });

      test(`cuts the tails of ${shape} values where the oracle does`, () => {
        for (const percentile of [100, 99.9, 97, 60]) {
          const [min, max] = percentileRange(parts, percentile);
          for (const grid of grids(8)) sameEncoding(kernels.encodePercentile(values, grid, percentile)!, kernels.fitEncoding(min, max, grid), nameOf(grid));
        }
      });
    }

    test('keeps the window of least divergence, as the oracle does', () => {
      for (const [shape, values] of Object.entries(distributions(300, 6)).filter(([shape]) => ['rectified', 'outlying'].includes(shape))) {
        const parts = intervals(kernels.observe(values));
        for (const grid of grids(8, 4).filter(({ symmetry }) => symmetry === 'asymmetric' || symmetry === 'symmetric')) {
          const isMirrored = grid.symmetry === 'symmetric';
          const [min, max] = entropyRange(parts, isMirrored ? 2 * Math.floor(steps(grid) / 2) + 1 : steps(grid) + 1, isMirrored);
          sameEncoding(kernels.encodeEntropy(values, grid)!, kernels.fitEncoding(min, max, grid), `${shape}, ${nameOf(grid)}`);
        }
      }
    });
  });
}

function sameEncoding(actual: FoundEncoding, expected: FoundEncoding, what: string): void {
  for (const [i, x] of actual.entries()) close(x, expected[i]!, Math.abs(expected[i]!) + 1e-300, `${what}, number ${i}`);
}
