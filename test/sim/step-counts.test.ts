import * as assert from 'uvu/assert';

import { StepCounts } from '../../pipeline/sim/step-counts.ts';
import { suite } from '../support/suite.ts';

function counted(delta: number, ...pairs: [number[], number[]][]): readonly number[] {
  const counts = new StepCounts(delta);
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

  test('counts NaN and lost infinities as farthest, equal infinities as the same', () => {
    assert.equal(counted(1, [[NaN, 1, Infinity, -Infinity], [NaN, NaN, Infinity, 0]]), [1, 0, 0, 0, 3]);
  });
});
