import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { calibrationPlan, modelHash, sessionInputs } from '../../pipeline/calibrate/plan.ts';
import { readModel } from '../../pipeline/onnx/read-model.ts';
import { buildModel, type ModelSketch, runModel, weight } from '../support/graphs.ts';
import { placementOf } from '../support/placements.ts';
import { suite } from '../support/suite.ts';
import { float32Tensor } from '../../pipeline/base/tensor.ts';

const sketch: ModelSketch = {
  inputs: { x: ['N', 3] },
  weights: { w: weight([3, 2]) },
  nodes: [{ op: 'MatMul', in: ['x', 'w'], out: ['h'] }, { op: 'Relu', in: ['h'], out: ['r'] }, { op: 'Softmax', in: ['r'], out: ['y'] }],
  outputs: { y: ['N', 2] },
};
const activation = (tensor: string, group = tensor) => ({ tensor, group, ranges: [] });

suite('calibrate/plan', test => {
  test('taps what the quantizers observe, each tensor once, and nothing else', async () => {
    const { placement } = placementOf([activation('x'), activation('r'), activation('y', 'r'), { tensor: 'w', role: 'weight', ranges: [] }]);
    const plan = calibrationPlan(buildModel(sketch), placement);
    assert.equal(plan.taps, ['x', 'r']);
    const outputs = await runModel(plan.tapped.slice(), { x: float32Tensor([1, 3], Float32Array.of(1, 2, 3)) });
    assert.equal(Object.keys(outputs), ['x', 'r']);
    assert.equal([...outputs['x']!.data], [1, 2, 3]);
    assert.equal(readModel(plan.tapped).graph.nodes.map(({ opType }) => opType), ['MatMul', 'Relu'], 'what no tap needs is not computed');
  });

  test('the model itself is left as it is', () => {
    const model = buildModel(sketch);
    const hash = modelHash(model);
    calibrationPlan(model, placementOf([activation('r')]).placement);
    assert.equal(model.graph.outputs.map(({ name }) => name), ['y']);
    assert.is(modelHash(model), hash);
  });

  test('the hash tells models apart, not placements', () => {
    const [a, b] = ['x', 'r'].map(tensor => calibrationPlan(buildModel(sketch), placementOf([activation(tensor)]).placement).hash);
    assert.is(a, b);
    assert.match(a!, /^[0-9a-f]{64}$/);
    assert.is.not(modelHash(buildModel({ ...sketch, weights: { w: weight([3, 2], { seed: 9 }) } })), a);
  });

  test('a placement without activations has nothing to calibrate', () => {
    const { placement } = placementOf([{ tensor: 'w', role: 'weight', ranges: [] }]);
    assert.throws(() => calibrationPlan(buildModel(sketch), placement), (error: unknown) => error instanceof QuantpipeError && error.code === 'config-invalid');
  });

  test('a model without inputs cannot be fed', () => {
    const model = buildModel({ ...sketch, inputs: {}, weights: { ...sketch.weights, x: weight([1, 3]) } });
    for (const places of [[activation('r')], []]) {
      assert.throws(() => calibrationPlan(model, placementOf(places).placement), (error: unknown) => error instanceof QuantpipeError && error.code === 'op-unsupported' && /the model has no inputs/.test(error.message));
    }
  });

  test('inputs that have a default are no inputs', () => {
    const model = buildModel(sketch);
    model.graph.inputs.push(model.graph.value('w'));
    assert.equal(sessionInputs(model), [{ name: 'x', dtype: 'float32', shape: ['N', 3] }]);
  });
});
