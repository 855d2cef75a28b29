import * as assert from 'uvu/assert';

import { aimetPdf, aimetTfEnhanced, readBack, type AimetGrid } from '../oracles/aimet-tf-enhanced.ts';
import { suite } from '../support/suite.ts';

/** Data set D of the published vectors: sums of twelve terms of a linear congruential generator, less six. */
function dataSetD(): Float32Array {
  let state = 1n;
  return Float32Array.from({ length: 4096 }, () => {
    let sum = 0;
    for (let i = 0; i < 12; i++) {
      state = (1103515245n * state + 12345n) & 0x7fffffffn;
      sum += Number(state) / 2 ** 31;
    }
    return sum - 6;
  });
}

const close = (actual: number, expected: number, what: string) =>
  assert.ok(Math.abs(actual - expected) <= 2e-7 * Math.abs(expected), `${what}: got ${actual}, expected ${expected}`);

// grid, min, max, delta, offset, cost (where published: to five digits at least)
const published: [AimetGrid, number, number, number, number, number?][] = [
  [{ bitwidth: 8, symmetric: false },                      -2.970890627, 3.395303574, 0.02496546746, -119, 4.0792e-5],
  [{ bitwidth: 8, symmetric: true, symmetricDeltas: 100 }, -3.420281702, 3.393560751, 0.02672095079, -128],
  [{ bitwidth: 4, symmetric: false },                      -2.599529299, 2.970890627, 0.3713613284, -7, 0.012277773],
  [{ bitwidth: 4, symmetric: true },                       -3.016260926, 2.639228310, 0.3770326157, -8, 0.013510362],
];

suite('oracles/aimet-tf-enhanced', test => {
  const data = dataSetD();

  test('data set D is the published one', () => {
    for (const [i, expected] of [-1.32613745, 1.03870772, 2.25996231, 0.07467353].entries()) {
      assert.ok(Math.abs(data[i]! - expected) < 1e-7, `sample ${i}: got ${data[i]}, expected ${expected}`);
    }
  });

  test('reads the published range back from its histogram', () => {
    const pdf = aimetPdf([data])!;
    close(pdf.left, -9.362915377, 'left');
    close(pdf.width, 0.0374482012, 'width');
    const [min, max] = readBack(pdf);
    close(min, -2.959272975, 'min');
    close(max, 3.406921226, 'max');
  });

  test('loses the published share of a second, wider batch', () => {
    const pdf = aimetPdf([data.subarray(0, 2048), data.subarray(2048).map(x => 10 * x)])!;
    assert.is(pdf.mass.reduce((sum, share) => sum + share), 0.82421875);
  });

  for (const [grid, min, max, delta, offset, cost] of published) {
    test(`chooses the published encoding, ${grid.bitwidth} bits ${grid.symmetric ? 'symmetric' : 'asymmetric'}`, () => {
      const encoding = aimetTfEnhanced([data], grid);
      close(encoding.min, min, 'min');
      close(encoding.max, max, 'max');
      close(encoding.delta, delta, 'delta');
      assert.is(encoding.offset, offset);
      if (cost !== undefined) assert.ok(Math.abs(encoding.cost / cost - 1) < 2e-5, `cost: got ${encoding.cost}, expected ${cost}`);
    });
  }
});
