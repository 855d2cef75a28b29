import * as assert from 'uvu/assert';
import fc from 'fast-check';

import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { grid, steps, type Symmetry } from '../../pipeline/quant/grid.ts';
import { suite } from '../support/suite.ts';

const MAX_FLOAT = Math.fround(3.4028234663852886e38);

// The published vectors, ten digits each: min, max, bitwidth, symmetry -> min, max, delta, offset
const published: [number, number, number, Symmetry, number, number, number, number][] = [
  [-0.5,  1.5,  8, 'asymmetric',         -0.5019607843, 1.498039216, 0.007843137255, -64],
  [-0.5,  1.5,  8, 'symmetric',          -1.511811024,  1.5,         0.01181102362,  -128],
  [-0.5,  1.5,  8, 'strict-symmetric',   -1.5,          1.5,         0.01181102362,  -127],
  [0.25,  1.5,  8, 'unsigned-symmetric', 0,             1.5,         0.005882352941, 0],
  [0.25,  1.5,  8, 'symmetric',          -1.511811024,  1.5,         0.01181102362,  -128],
  [0.25,  1.5,  8, 'asymmetric',         0,             1.5,         0.005882352941, 0],
  [-3,   -1,    8, 'asymmetric',         -3,            0,           0.01176470588,  -255],
  [0,     0,    8, 'asymmetric',         0,             0.01,        3.921568627e-5, 0],
  [0,     0,    8, 'symmetric',          -0.01007874016, 0.01,       7.874015748e-5, -128],
  [-0.5,  1.5,  4, 'symmetric',          -1.714285714,  1.5,         0.2142857143,   -8],
  [-0.5,  1.5,  4, 'asymmetric',         -0.5333333333, 1.466666667, 0.1333333333,   -4],
  [-0.5,  1.5, 16, 'asymmetric',         -0.5000076295, 1.49999237,  3.051804379e-5, -16384],
];

// Checked by hand, exact: min, max, bitwidth, symmetry -> min, max, delta, offset
const exact: [number, number, number, Symmetry, number, number, number, number][] = [
  [-0.5, 254.5, 8, 'asymmetric', -1, 254, 1, -1], // a tie goes away from zero
  [-1, 1, 8, 'unsigned-symmetric', -128 / 127, 127 / 127, 1 / 127, -128],
  [-0, 255, 8, 'asymmetric', 0, 255, 1, 0],
  [-127, 3, 32, 'strict-symmetric', -127, 127, 127 / (2 ** 31 - 1), 1 - 2 ** 31],
  [0, 3, 2, 'strict-symmetric', -3, 3, 3, -1],
  [-Infinity, 0, 8, 'asymmetric', -MAX_FLOAT, 0, MAX_FLOAT / 255, -255],
  [-1, Infinity, 8, 'symmetric', -MAX_FLOAT, MAX_FLOAT, MAX_FLOAT / 127, -128], // the lowest code lies beyond float32
];

suite('quant/encoding', test => {
  for (const [min, max, bitwidth, symmetry, ...expected] of published) {
    test(`fits ${symmetry}, ${bitwidth} bits, to [${min}, ${max}] as AIMET does`, () => {
      const encoding = fitEncoding(min, max, grid(bitwidth, symmetry));
      const { min: low, max: high, delta, offset } = encoding;
      assert.equal([low, high, delta].map(x => +x.toPrecision(10)), expected.slice(0, 3));
      assert.is(offset, expected[3]);
    });
  }

  for (const [min, max, bitwidth, symmetry, ...expected] of exact) {
    test(`fits ${symmetry}, ${bitwidth} bits, to [${min}, ${max}] exactly`, () => {
      const { min: low, max: high, delta, offset } = fitEncoding(min, max, grid(bitwidth, symmetry));
      for (const [i, x] of [low, high, delta, offset].entries()) assert.ok(Object.is(x, expected[i]), `got ${x}, expected ${expected[i]}`);
    });
  }

  test('is a grid with an exact zero, whatever the range', () => {
    const float = fc.float({ noNaN: true });
    const symmetry = fc.constantFrom<Symmetry>('asymmetric', 'symmetric', 'strict-symmetric', 'unsigned-symmetric');
    fc.assert(fc.property(float, float, fc.integer({ min: 2, max: 32 }), symmetry, (a, b, bitwidth, symmetry) => {
      const { min, max, delta, offset } = fitEncoding(Math.min(a, b), Math.max(a, b), grid(bitwidth, symmetry));
      assert.ok(delta > 0 && delta < Infinity && Number.isInteger(offset) && offset <= 0 && offset >= -steps(grid(bitwidth, symmetry)));
      const slack = 1e-9 * delta * 2 ** bitwidth; // AIMET's max, (max - min) + delta * offset, may fall short of 0 by a rounding
      assert.ok(min <= 0 && max >= -slack && min >= -MAX_FLOAT && max <= MAX_FLOAT && !Object.is(offset, -0) && !Object.is(min, -0));
      assert.ok(Math.abs(min - delta * offset) <= slack || min === -MAX_FLOAT, `min ${min}, delta * offset ${delta * offset}`);
    }), { seed: 1, numRuns: 2000 });
  });

  test('refuses a range that runs backwards', () => {
    assert.throws(() => fitEncoding(1, -1, grid(8)), /got \[1, -1\]/);
    assert.throws(() => fitEncoding(NaN, 1, grid(8)), /got \[NaN, 1\]/);
  });
});
