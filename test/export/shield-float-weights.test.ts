import * as assert from 'uvu/assert';

import type { EngineName } from '../../pipeline/engine/index.ts';
import { openEngine, QuantSim, type QuantSimOptions, writeModel } from '../../pipeline/index.ts';
import { shieldFloatWeights } from '../../pipeline/export/shield-float-weights.ts';
import { float32Tensor } from '../../pipeline/base/tensor.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { sameBits } from '../support/tensors.ts';

/** x [N, 6, 4, 4] → Conv → c → Flatten → Gemm → y, whose weights are as they come. */
const network = buildModel({
  opset: 13, inputs: { x: ['N', 6, 4, 4] }, weights: { k: weight([5, 6, 3, 3]), w: weight([20, 3], { seed: 2 }), b: weight([3], { seed: 3 }) }, outputs: { y: ['N', 3] },
  nodes: [{ op: 'Conv', in: ['x', 'k'], out: ['c'] }, { op: 'Flatten', in: ['c'], out: ['f'] }, { op: 'Gemm', in: ['f', 'w', 'b'], out: ['y'] }],
});
const x = float32Tensor([8, 6, 4, 4], floats(8 * 96));

async function run(engine: EngineName, model: Model, fuseQuantized: boolean): Promise<Float32Array> {
  const session = await (await openEngine(engine)).load(writeModel(model), { fuseQuantized });
  const { y } = await session.run({ x });
  await session.close();
  return y!.data as Float32Array;
}

// weights that no integer kernel may touch
const kinds: Readonly<Record<string, QuantSimOptions>> = {
  'that an override leaves in float': { override: { k: { is_quantized: false }, w: { is_quantized: false } } },
  'in float16': { weightFormat: 'float16' },
  'on a grid of 24 bits': { weightBitwidth: 24 },
};

suite('export/shield-float-weights', test => {
  for (const [kind, options] of Object.entries(kinds)) {
    for (const engine of ['web', 'native'] as const) {
      test(`weights ${kind} stay what they are while the engine fuses: ${engine}`, async () => {
        const sim = await QuantSim.open(network, { ...options, activationBitwidth: 16, scheme: 'min-max' });
        for await (const progress of sim.calibrate([{ x }], { workers: 1, engine })) void progress;
        const exported = sim.exported();
        sameBits(await run(engine, exported, true), await run(engine, exported, false), 'fused');
        assert.is(shieldFloatWeights(exported.graph).rewrites, 0, 'a second time there is nothing to do');
      });
    }
  }

  test('integer weights have no shield', async () => {
    const sim = await QuantSim.open(network, { scheme: 'min-max' });
    for await (const progress of sim.calibrate([{ x }], { workers: 1, engine: 'web' })) void progress;
    assert.not.ok(sim.exported().graph.nodes.some(({ opType }) => opType === 'Max'));
  });
});
