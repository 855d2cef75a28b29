import * as assert from 'uvu/assert';

import { calibrationPlan, QuantSim, readWorkOrder, writeWorkOrder } from '../../pipeline/index.ts';
import { suite } from '../support/suite.ts';

const sim = await QuantSim.open('fixtures/models/fmnist-cnn.onnx');
const plan = calibrationPlan(sim.model, sim.placement);

suite('calibrate/work-order', test => {
  test('what is read is the plan that was written, and its options', () => {
    const options = { inputs: { input: 'pixels' }, preprocess: { scale: 1 / 255, mean: [0.5] }, engine: 'web', batchSize: 1 } as const;
    const read = readWorkOrder(plan.tapped, writeWorkOrder(plan, options));
    assert.equal(read.options, options);
    const { hash, taps, inputs, batchSize, tapped } = read.plan;
    assert.equal({ hash, taps, inputs, batchSize }, { hash: plan.hash, taps: plan.taps, inputs: plan.inputs, batchSize: plan.batchSize });
    assert.ok(tapped.buffer instanceof SharedArrayBuffer);
    assert.ok(Buffer.from(tapped).equals(plan.tapped));
  });

  const order = JSON.parse(writeWorkOrder(plan, {}));
  const bad: readonly [title: string, text: string, message: RegExp][] = [
    ['no JSON', '{', /it is not JSON/],
    ['nothing', 'null', /of version 1, says nothing/],
    ['another version', JSON.stringify({ ...order, version: 2 }), /of version 1, says 2/],
    ['no options', JSON.stringify({ ...order, options: null }), /must have hash, taps, batchSize and options/],
    ['taps of another model', JSON.stringify({ ...order, taps: ['gone'] }), /asks for tensor 'gone', which is no output/],
  ];
  for (const [title, text, message] of bad) {
    test(`refused: ${title}`, () => assert.throws(() => readWorkOrder(plan.tapped, text), message));
  }
});
