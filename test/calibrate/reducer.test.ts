import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { openSink } from '../../pipeline/calibrate/discard.ts';
import { Reducer } from '../../pipeline/calibrate/reducer.ts';
import { Kernels } from '../../pipeline/kernels/kernels.ts';
import { suite } from '../support/suite.ts';
import { fashionPlan } from './plans.ts';

const plan = await fashionPlan();
const kernels = await Kernels.load();
const discard = await openSink();
const bad = (index: number) => ({ index, bad: [], kind: 'set-aside' as const, error: new QuantpipeError('data-invalid', `sample ${index} does not fit`) });

suite('calibrate/reducer', test => {
  for (const most of [0, 1, 3]) {
    test(`sets ${most} blocks aside and no more`, () => {
      const reducer = new Reducer(plan, kernels, null, { nameOf: index => `batch ${index}`, maxBad: most, discard });
      for (let index = 0; index < most; index++) reducer.add(bad(index));
      assert.equal(reducer.state.setAside.map(({ index }) => index), [...Array(most).keys()]);
      assert.is(reducer.state.next, most);
      assert.throws(() => reducer.add(bad(most)), most === 0 ? /^batch 0: sample 0 does not fit$/ : new RegExp(`^${most + 1} .*at most ${most} may be set aside.*; the last: batch ${most}: sample ${most} does not fit$`));
    });
  }

  test('a block with more bad samples than may be set aside leaves nothing of itself', () => {
    const reducer = new Reducer(plan, kernels, null, { nameOf: index => `batch ${index}`, maxBad: 1, discard });
    const twoBad = { index: 0, bad: [{ sample: 3, reason: 'it is cut short' }, { sample: 4, reason: 'it is empty' }], kind: 'empty' as const };
    const before = reducer.state;
    assert.throws(() => reducer.add(twoBad), /^2 .*at most 1 may be set aside.*sample 4 cannot be read: it is empty$/);
    assert.equal(reducer.state, before);
    assert.equal([reducer.state.setAside, reducer.state.next], [[], 0]);
  });

  test('where no block could be observed, the first failure is the error', () => {
    const reducer = new Reducer(plan, kernels, null, { nameOf: index => `batch ${index}`, maxBad: 5, discard });
    reducer.checkAny();
    reducer.add(bad(0));
    reducer.add(bad(1));
    assert.throws(() => reducer.checkAny(), /^sample 0 does not fit$/);
  });
});
