import * as assert from 'uvu/assert';

import { QuantSim } from '../../pipeline/sim/quant-sim.ts';
import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { suite } from '../support/suite.ts';

const CNN = 'fixtures/models/fmnist-cnn.onnx';

/** A simulation of the small CNN, calibrated on a few samples. */
async function calibrated(options: Parameters<typeof QuantSim.open>[1]): Promise<QuantSim> {
  const sim = await QuantSim.open(CNN, { scheme: 'min-max', ...options });
  for await (const _ of sim.calibrate('fixtures/data/fmnist-calibration.arrow', { engine: 'native', workers: 1, limit: 8 }));
  return sim;
}

const storedAs = (sim: QuantSim, name: string) => sim.exported().graph.values.get(name)?.initializer?.dtype;

suite('sim/overrides-and-wishes', test => {
  test('an override decides the encoding: of a weight and of an activation', async () => {
    const sim = await calibrated({ override: { 'f.weight': { per_channel: 'False', bitwidth: 4, min: -0.5, max: 0.5 }, 'logits': { symmetry: 'symmetric', min: -20, max: 20 } } });
    assert.equal(sim.encodings.get('f.weight'), [fitEncoding(-0.5, 0.5, grid(4, 'symmetric'))]);
    assert.equal(sim.encodings.get('logits'), [fitEncoding(-20, 20, grid(8, 'symmetric'))]);
  });

  test('an activation without a quantizer is not observed', async () => {
    const sim = await calibrated({ override: { logits: { is_quantized: 'False' } } });
    assert.not.ok(sim.statistics.tensors.has('logits'));
    assert.ok((await calibrated({})).statistics.tensors.has('logits'));
  });

  test('the exported model stores weights as the runtime of the preset wants, unless an option says otherwise', async () => {
    assert.is(storedAs(await calibrated({ config: 'onnxruntime' }), 'f.weight_quantized'), 'uint8');
    const qnn = await calibrated({ config: 'onnxruntime-qnn' });
    assert.is(storedAs(qnn, 'f.weight_quantized'), 'int8');
    assert.is(qnn.exported({ weightType: 'uint8' }).graph.values.get('f.weight_quantized')?.initializer?.dtype, 'uint8');
  });
});
