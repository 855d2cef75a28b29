import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { openEngine } from '../../pipeline/engine/index.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { QuantSim } from '../../pipeline/sim/quant-sim.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { near } from '../support/tensors.ts';

const CNN = 'fixtures/models/fmnist-cnn.onnx';
const noActivations = {
  defaults: { ops: {}, params: { is_quantized: 'True', is_symmetric: 'True' }, per_channel_quantization: 'True' }, params: { bias: { is_quantized: 'False' } }, op_type: {}, supergroups: [], model_input: {}, model_output: {},
};

async function logits(model: Model): Promise<Float32Array> {
  const session = await (await openEngine('native')).load(writeModel(model), { fuseQuantized: false });
  const out = await session.run({ input: float32Tensor([1, 1, 28, 28], floats(784, { min: 0, max: 1 })) });
  await session.close();
  return out['logits']!.data as Float32Array;
}

suite('sim/weight-only', test => {
  for (const [what, options] of [
    ['a configuration without activations', { config: noActivations }], ['activations in float32', { activationFormat: 'float32' }],
    ['activations in float32 on a Hexagon', { activationFormat: 'float32', config: 'htp-v73' }], ['4-bit weights', { config: noActivations, weightBitwidth: 4 }],
  ] as const) {
    test(`${what}: weights are quantized on their values alone, without data, and it is told`, async () => {
      const sim = await QuantSim.open(CNN, options);
      assert.is(sim.needsData, false);
      for await (const _ of sim.calibrate([])) assert.unreachable('nothing is read');
      assert.equal([...new Set(sim.placement.quantizers.map(({ role }) => role))], ['weight']);
      assert.equal([...sim.encodings.keys()], sim.placement.quantizers.map(({ tensor }) => tensor));
      assert.equal([sim.placement.biases, sim.statistics.tensors.size], [[], 0]);
      assert.ok(sim.warnings.includes(`nothing was observed: no activation is quantized, and ${sim.placement.quantizers.length} constants are (weight-only quantization)`), sim.warnings.join('\n'));
      const operators = sim.exported().graph.nodes.map(({ opType }) => opType);
      assert.equal([operators.includes('QuantizeLinear'), operators.filter(opType => opType === 'DequantizeLinear').length], [false, sim.placement.quantizers.length]);
      near(await logits(sim.exported()), await logits(sim.simulated()), 1e-4);
      assert.not.equal(await logits(sim.simulated()), await logits(sim.model));
    });
  }

  test('a configuration that quantizes nothing at all has nothing to calibrate', async () => {
    const sim = await QuantSim.open(CNN, { config: { ...noActivations, defaults: { ops: {}, params: {} } } });
    assert.is(sim.needsData, true);
    const error = await sim.calibrate([]).next().then(() => null, (error: Error) => error);
    assert.match(error!.message, /quantizes no activation and no weight/);
  });

  test('where activations are quantized, data is needed', async () => {
    assert.is((await QuantSim.open(CNN)).needsData, true);
  });
});
