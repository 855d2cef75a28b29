import * as assert from 'uvu/assert';

import { type Step, StepCounts } from '../../pipeline/sim/step-counts.ts';
import { suite } from '../support/suite.ts';

function counted(step: Step, ...pairs: [number[], number[]][]): readonly number[] {
  const counts = new StepCounts(step);
  for (const [a, b] of pairs) counts.add(Float32Array.from(a), Float32Array.from(b));
  return counts.counts;
}

suite('sim/step-counts', test => {
  test('counts elements by their distance in whole steps, over batches', () => {
    assert.equal(counted(0.5, [[0, 1, 2, 3], [0, 1.5, 1, 3]], [[0, 0], [1.5, 7]]), [2, 1, 1, 1, 1]);
  });

  test('takes what lies within half a step for the same code', () => {
    assert.equal(counted(1, [[0, 0, 0], [0.49, -0.49, 0.51]]), [2, 1, 0, 0, 0]);
  });

  test('in a floating-point format a step is from one value to the next, wide or narrow, through zero and both zeros', () => {
    // neighbours by the definition of the formats: 10 or 7 bits of fraction, and 2^-24 as the smallest half
    const [half, narrow] = [2 ** -24, 2 ** -133];
    assert.equal(counted('float16', [[1, 1, 1024, half, -half, 0, 2, 65504], [1 + 2 ** -10, 1 - 2 ** -11, 1027, -half, half, -0, 1, Infinity]]), [1, 2, 2, 1, 2]);
    assert.equal(counted('bfloat16', [[1, 1, 256, narrow, 1e30], [1 + 2 ** -7, 1 - 2 ** -8, 262, -narrow, 1e30]]), [1, 2, 1, 1, 0]);
  });

  test('counts NaN and lost infinities as farthest, equal infinities as the same', () => {
    assert.equal(counted(1, [[NaN, 1, Infinity, -Infinity], [NaN, NaN, Infinity, 0]]), [1, 0, 0, 0, 3]);
    assert.equal(counted('float16', [[NaN, 1, Infinity, -Infinity], [NaN, NaN, Infinity, 0]]), [1, 0, 0, 0, 3]);
  });
});
