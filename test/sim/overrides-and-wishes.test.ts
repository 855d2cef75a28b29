import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { floatsFromHalves, halvesFromFloats } from '../../pipeline/base/half.ts';
import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { openEngine } from '../../pipeline/engine/index.ts';
import { encodingsJson } from '../../pipeline/export/index.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { QuantSim } from '../../pipeline/sim/quant-sim.ts';
import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';
import { sameBits } from '../support/tensors.ts';

const CNN = 'fixtures/models/fmnist-cnn.onnx';

/** A simulation of the small CNN, calibrated on a few samples. */
async function calibrated(options: Parameters<typeof QuantSim.open>[1]): Promise<QuantSim> {
  const sim = await QuantSim.open(CNN, { scheme: 'min-max', ...options });
  for await (const _ of sim.calibrate('fixtures/data/fmnist-calibration.arrow', { engine: 'native', workers: 1, limit: 8 }));
  return sim;
}

/** The float32 with a fraction of 7 bits that is nearest, by trying its neighbours. */
function nearestBfloat16(x: number): number {
  const low = new Float32Array(new Uint32Array([new Uint32Array(Float32Array.of(x).buffer)[0]! & 0xffff0000]).buffer)[0]!;
  const high = low + Math.sign(x) * 2 ** (Math.floor(Math.log2(Math.abs(low))) - 7);
  return Math.abs(x - low) < Math.abs(high - x) ? low : high;
}

const storedAs = (sim: QuantSim, name: string) => sim.exported().graph.values.get(name)?.initializer?.dtype;

suite('sim/overrides-and-wishes', test => {
  test('an override decides the encoding: of a weight and of an activation', async () => {
    const sim = await calibrated({ override: { 'f.weight': { per_channel: 'False', bitwidth: 4, min: -0.5, max: 0.5 }, 'logits': { symmetry: 'symmetric', min: -20, max: 20 } } });
    assert.equal(sim.encodings.get('f.weight'), [fitEncoding(-0.5, 0.5, grid(4, 'symmetric'))]);
    assert.equal(sim.encodings.get('logits'), [fitEncoding(-20, 20, grid(8, 'symmetric'))]);
  });

  test('a fixed end that the grid cannot keep is told', async () => {
    const { warnings } = await calibrated({ override: { logits: { symmetry: 'symmetric', min: 0 } } });
    assert.is(warnings.filter(warning => warning.startsWith("1 fixed range is widened: 'logits' with min 0 is -")).length, 1, warnings.join('\n'));
  });

  test('an override keeps single tensors in 16-bit floats: they are rounded to the format, stored and simulated alike', async () => {
    const sim = await calibrated({ override: { 'f.weight': { format: 'bfloat16' }, 'logits': { format: 'float16' } } });
    assert.is(storedAs(sim, 'f.weight_bfloat16'), 'bfloat16');
    assert.not.ok(sim.statistics.tensors.has('logits') || sim.encodings.has('logits') || sim.encodings.has('f.weight'));
    const logits = async (model: Model) => {
      const session = await (await openEngine('native')).load(writeModel(model), { fuseQuantized: false });
      const out = await session.run({ input: float32Tensor([1, 1, 28, 28], floats(784, { min: 0, max: 1 })) });
      await session.close();
      return out['logits']!.data as Float32Array;
    };
    const simulated = await logits(sim.simulated());
    sameBits(await logits(sim.exported()), simulated);
    sameBits(floatsFromHalves(halvesFromFloats(simulated)), simulated, 'halves');
    const [weight, original] = [sim.simulated(), sim.model].map(({ graph }) => graph.values.get('f.weight')!.initializer!.read().data as Float32Array);
    sameBits(weight!, original!.map(x => nearestBfloat16(x)), 'f.weight');
  });

  test('an activation without a quantizer is not observed', async () => {
    const sim = await calibrated({ override: { logits: { is_quantized: 'False' } } });
    assert.not.ok(sim.statistics.tensors.has('logits'));
    assert.ok((await calibrated({})).statistics.tensors.has('logits'));
  });

  test('overrides lie on top of an encodings file: what they leave in float stays so, what they put on another grid is calibrated, and each is told', async () => {
    const file = (sim: QuantSim) => encodingsJson(sim.model, sim.placement, sim.encodings, { version: '1.0.0', scheme: 'min-max' });
    const original = await calibrated({});
    const override = { 'f.bias': { is_quantized: 'False' }, 'f.weight': { bitwidth: 4 }, '/ReduceMean_output_0': { is_quantized: 'False' } };
    await inFolder(async folder => {
      const path = join(folder, 'encodings.json');
      await writeFile(path, file(original));
      for (const freeze of [false, true]) {
        const sim = await calibrated({ loadEncodings: path, freeze, override });
        assert.equal(sim.placement.biases.filter(({ tensor }) => tensor === 'f.bias'), []);
        assert.equal(sim.placement.quantizers.filter(({ tensor }) => tensor === '/ReduceMean_output_0'), []);
        assert.equal([...new Set(sim.encodings.get('f.weight')!.map(({ grid }) => grid.bitwidth))], [4]);
        assert.equal(sim.encodings.get('logits'), original.encodings.get('logits'));
        for (const tensor of ['f.bias', 'f.weight', '/ReduceMean_output_0']) assert.is(sim.warnings.filter(warning => warning.includes(`'${tensor}'`)).length, 1, tensor);
      }
      const loaded = await QuantSim.open(CNN, { override });
      await loaded.loadEncodings(path);
      assert.equal(loaded.placement.biases.filter(({ tensor }) => tensor === 'f.bias'), []);
      assert.ok(loaded.warnings.includes("'f.weight' has the encoding of the file, and not what the override says: for that, calibrate"));
    });
  });

  test('an override that says what the file says changes nothing', async () => {
    const override = { 'f.weight': { bitwidth: 4 }, logits: { is_quantized: 'True' } };
    const original = await calibrated({ override });
    await inFolder(async folder => {
      const path = join(folder, 'encodings.json');
      await writeFile(path, encodingsJson(original.model, original.placement, original.encodings, { version: '1.0.0', scheme: 'min-max' }));
      const sim = await calibrated({ loadEncodings: path, freeze: true, override });
      assert.equal(sim.warnings.filter(warning => warning.includes('override')), []);
      assert.equal(sim.encodings.get('f.weight'), original.encodings.get('f.weight'));
    });
  });

  test('the exported model stores weights as the runtime of the preset wants, unless an option says otherwise', async () => {
    assert.is(storedAs(await calibrated({ config: 'onnxruntime' }), 'f.weight_quantized'), 'uint8');
    const qnn = await calibrated({ config: 'onnxruntime-qnn' });
    assert.is(storedAs(qnn, 'f.weight_quantized'), 'int8');
    assert.is(qnn.exported({ weightType: 'uint8' }).graph.values.get('f.weight_quantized')?.initializer?.dtype, 'uint8');
  });
});
