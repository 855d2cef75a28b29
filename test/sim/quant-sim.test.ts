import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { halvesFromFloats } from '../../pipeline/base/half.ts';
import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { presets } from '../../pipeline/config/presets/index.ts';
import { intAttribute } from '../../pipeline/graph/attribute.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { initializerOf } from '../../pipeline/graph/node.ts';
import { fitEncoding, openEngine, openSource, QuantSim, type QuantSimOptions, type Tensor, writeModel } from '../../pipeline/index.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { inFolder } from '../support/temporary.ts';
import { buildModel, runModel, weight } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { samplesFile } from '../support/samples.ts';
import { suite } from '../support/suite.ts';
import { sameBits } from '../support/tensors.ts';

const SAMPLES = 16;
const values = floats(8 * SAMPLES);

/** x [N, 8] → Gemm → Relu → Gemm → y [N, 4]. */
const model = () => buildModel({
  opset: 13, inputs: { x: ['N', 8] }, weights: { w: weight([8, 16]), b: weight([16], { seed: 2 }), v: weight([4, 16], { seed: 3 }), c: weight([4], { seed: 4 }) },
  nodes: [{ op: 'Gemm', in: ['x', 'w', 'b'], out: ['h'] }, { op: 'Relu', in: ['h'], out: ['r'] }, { op: 'Gemm', in: ['r', 'v', 'c'], out: ['y'], attributes: { transB: intAttribute(1) } }],
  outputs: { y: ['N', 4] },
});

async function calibrated(options: QuantSimOptions): Promise<QuantSim> {
  return inFolder(async folder => {
    const path = join(folder, 'data.arrow');
    await writeFile(path, samplesFile({ x: { size: 8, values } }, SAMPLES));
    const sim = await QuantSim.open(model(), { scheme: 'min-max', ...options });
    for await (const _ of sim.calibrate(await openSource(path), { workers: 1, engine: 'web' }));
    return sim;
  });
}

/** What both forms give as they stand. */
async function results(sim: QuantSim): Promise<[simulated: Float32Array, exported: Float32Array]> {
  const x: Tensor = { dtype: 'float32', dims: [SAMPLES, 8], data: values };
  const run = async (bytes: Uint8Array) => {
    const session = await (await openEngine('web')).load(bytes, { fuseQuantized: false });
    const { y } = await session.run({ x });
    await session.close();
    return y!.data as Float32Array;
  };
  return [await run(writeModel(sim.simulated())), await run(writeModel(sim.exported()))];
}

// options, and how far from float they may leave the outputs (which reach 10): it must matter, and not too much
const cases: [title: string, options: QuantSimOptions, least: number, most: number][] = [
  ['4-bit weights', { weightBitwidth: 4 }, 0.01, 2],
  ['4-bit weights in blocks', { weightBitwidth: 4, blocks: { blockSize: 4, decompressedBitwidth: null, undivided: 'refuse' } }, 0.01, 2],
  ['4-bit weights in blocks that decompress to 8 bits', { weightBitwidth: 4, blocks: { blockSize: 4, decompressedBitwidth: 8, undivided: 'refuse' } }, 0.01, 2],
  ['16-bit weights and activations', { weightBitwidth: 16, activationBitwidth: 16 }, 1e-6, 1e-3],
  ['24-bit weights and 32-bit activations', { weightBitwidth: 24, activationBitwidth: 32 }, 0, 1e-5],
  ['a reduced range', { reduceRange: true }, 0.001, 0.3],
  ['biases in float', { quantizeBias: false }, 0.001, 0.2],
  ['weights in bfloat16', { weightFormat: 'bfloat16' }, 0.001, 0.2],
  ['weights and activations in float16', { weightFormat: 'float16', activationFormat: 'float16' }, 1e-5, 0.01],
  ['8-bit weights beside activations in float16', { activationFormat: 'float16' }, 0.001, 0.1],
];

suite('sim/quant-sim', test => {
  test('an output that was cast back to the model\'s own type is compared in steps of what was cast', async () => {
    const half = model();
    half.graph.outputs[0]!.type = { dtype: 'float16', shape: ['N', 4] };
    for (const value of half.graph.initializers) {
      const { dims, data } = value.initializer!.read();
      value.initializer = initializerOf({ dtype: 'float16', dims, data: halvesFromFloats(data as Float32Array) });
    }
    half.graph.inputs[0]!.type = { dtype: 'float16', shape: ['N', 8] };
    const sim = await QuantSim.open(half, { scheme: 'min-max' });
    const samples = [{ x: { dtype: 'float16', dims: [SAMPLES, 8], data: halvesFromFloats(values) } }] as const;
    for await (const _ of sim.calibrate(samples, { workers: 1, engine: 'web' }));
    const { pairs } = await sim.evaluate(samples, { engine: 'web' });
    const { offBy } = pairs.find(({ of, to }) => of === 'exported' && to === 'simulated')!.outputs['y']!;
    assert.is(offBy!.reduce((sum, count) => sum + count), 4 * SAMPLES);
    assert.is(offBy!.at(-1), 0);
  });

  for (const config of ['default', 'htp-v73']) {
    test(`min-max encodings of every activation are those of AIMET's formula, to the last digit, Softmax outputs too: ${config}`, async () => {
      const sim = await QuantSim.open('fixtures/models/fmnist-vit.onnx', { config, scheme: 'min-max' });
      for await (const progress of sim.calibrate('fixtures/data/fmnist-calibration.arrow', { limit: 4, workers: 1 })) void progress;
      const free = sim.placement.quantizers.filter(({ observed, constraint }) => observed.length === 1 && constraint === null);
      assert.ok(free.length > 50);
      for (const { tensor, observed: [seen], grid } of free) {
        const { min, max } = sim.statistics.tensors.get(seen!)!;
        assert.equal(sim.encodings.get(tensor), [fitEncoding(min, max, grid)], tensor);
      }
    });
  }

  for (const [title, options, least, most] of cases) {
    test(`${title}: simulated and exported agree, at the distance from float that such grids have`, async () => {
      const sim = await calibrated(options);
      const [simulated, exported] = await results(sim);
      sameBits(exported, simulated);
      const session = await (await openEngine('web')).load(writeModel(sim.model));
      const float = (await session.run({ x: { dtype: 'float32', dims: [SAMPLES, 8], data: values } }))['y']!.data as Float32Array;
      await session.close();
      const distance = simulated.reduce((largest, y, i) => Math.max(largest, Math.abs(y - float[i]!)), 0);
      assert.ok(distance >= least && distance <= most, `${distance} is not from ${least} to ${most}`);
    });
  }

  test('a reduced range is 7 bits for weights alone, unless another width was asked for', async () => {
    const bits = async (options: QuantSimOptions) => (await QuantSim.open(model(), options)).placement.quantizers.map(({ role, grid: { bitwidth } }) => `${role} ${bitwidth}`);
    assert.ok((await bits({ reduceRange: true })).every(line => line === 'weight 7' || line === 'activation 8'));
    assert.ok((await bits({ reduceRange: true, weightBitwidth: 4 })).includes('weight 4'));
  });

  test('without observed tensors no sample is read: the weights decide alone', async () => {
    const sim = await QuantSim.open(model(), { scheme: 'min-max', activationFormat: 'float16', config: 'default' });
    for await (const _ of sim.calibrate('there is no such file')) assert.unreachable('nothing is observed');
    const w = model().graph.values.get('w')!.initializer!.read().data as Float32Array;
    assert.equal(sim.encodings.get('w'), [fitEncoding(Math.min(...w), Math.max(...w), grid(8, 'symmetric'))]);
    assert.is(sim.statistics.samples, 0);
  });

  test('what the exported model cannot hold is said once it is written', async () => {
    await inFolder(async folder => {
      const sim = await calibrated({ weightBitwidth: 20 });
      assert.equal(sim.warnings, []);
      await sim.export(join(folder, 'out'));
      assert.match(sim.warnings.join(), /2 tensors of model\.qdq\.onnx \(first 'w', 20 bits\) are simulated in float/);
    });
  });

  test('a bias that no encodings file can say is told of once that is written', async () => {
    await inFolder(async folder => {
      const chained = buildModel({
        opset: 13, inputs: { x: [1, 4] }, weights: { w: weight([4, 4]), b: weight([4], { seed: 2 }) }, outputs: { z: [1, 4] },
        nodes: [{ op: 'Gemm', name: 'first', in: ['x', 'w', 'b'], out: ['y'] }, { op: 'Gemm', name: 'second', in: ['y', 'w', 'b'], out: ['z'] }],
      });
      const sim = await QuantSim.open(chained, { scheme: 'min-max' });
      for await (const _ of sim.calibrate([{ x: float32Tensor([1, 4], values.slice(0, 4)) }], { workers: 1, engine: 'web' }));
      assert.equal(sim.warnings, []);
      await sim.export(join(folder, 'out'));
      assert.match(sim.warnings.join(), /^bias 'b' has no entry in the encodings file, which has one a tensor: Gemm 'first' adds it in steps of [\d.e-]+, Gemm 'second' in steps of [\d.e-]+; the exported model holds both$/);
    });
  });

  test('a constant that takes the encoding of a Concat has the range of what the Concat gives, stored and simulated', async () => {
    const joined = buildModel({
      opset: 13, inputs: { x: [1, 8] }, weights: { k: weight([1, 8], { seed: 5, min: -2, max: 2 }) }, outputs: { y: [1, 16] },
      nodes: [{ op: 'Sigmoid', in: ['x'], out: ['s'] }, { op: 'Concat', in: ['s', 'k'], out: ['y'], attributes: { axis: intAttribute(1) } }],
    });
    const sim = await QuantSim.open(joined, { scheme: 'min-max', config: 'per-channel', aimetPlacement: true });
    assert.not.ok(sim.placement.quantizers.some(({ tensor, group }) => tensor !== group), 'nothing is tied unless it is asked for');
    const tied = await QuantSim.open(joined, { scheme: 'min-max', config: { ...presets['per-channel'].config, ties: { Concat: 'True' } }, aimetPlacement: true });
    for await (const _ of tied.calibrate([{ x: float32Tensor([1, 8], values.slice(0, 8)) }], { workers: 1, engine: 'web' }));
    const constant = joined.graph.values.get('k')!.initializer!.read().data as Float32Array;
    const [s, k, y] = ['s', 'k', 'y'].map(tensor => tied.encodings.get(tensor));
    assert.equal([s, k], [y, y]);
    assert.equal(y, [fitEncoding(Math.min(...constant), Math.max(...constant), grid(8))], 'Sigmoid stays within the constant\'s range');
    const run = async (of: Model) => (await runModel(of, { x: float32Tensor([1, 8], values.slice(0, 8)) }))['y']!.data as Float32Array;
    sameBits(await run(tied.exported()), await run(tied.simulated()));
  });
});
