import * as assert from 'uvu/assert';

import { InvariantError } from '../../pipeline/base/check.ts';
import { type Pass, sequence, untilStable } from '../../pipeline/passes/pass.ts';
import { draw } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';

const model = draw({ inputs: { x: [1] }, nodes: [['Relu', ['x'], ['y']]], outputs: ['y'] });

/** Rewrites 3, then 2, then 1, then nothing. */
function countdown(): Pass {
  let left = 3;
  return () => ({ rewrites: left > 0 ? left-- : 0 });
}

suite('passes/pass', test => {
  test('a sequence runs each pass once, in order, and adds up', () => {
    const order: string[] = [];
    const named = (name: string, rewrites: number): Pass => () => { order.push(name); return { rewrites }; };
    assert.is(sequence(named('a', 2), named('b', 0), named('c', 5))(model).rewrites, 7);
    assert.equal(order, ['a', 'b', 'c']);
  });

  test('untilStable goes on until a run rewrites nothing, and adds up', () => {
    assert.is(untilStable(countdown())(model).rewrites, 3 + 2 + 1);
    assert.is(untilStable(() => ({ rewrites: 0 }))(model).rewrites, 0);
  });

  test('a pass that never settles is a bug, not an endless loop', () => {
    assert.throws(() => untilStable(() => ({ rewrites: 1 }))(model), (error: unknown) => error instanceof InvariantError);
  });
});
