import * as assert from 'uvu/assert';

import type { EngineName } from '../../pipeline/engine/index.ts';
import { openEngine, QuantSim, type QuantSimOptions, writeModel } from '../../pipeline/index.ts';
import { presets } from '../../pipeline/config/presets/index.ts';
import { shieldWeights } from '../../pipeline/export/shield-weights.ts';
import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { intAttribute } from '../../pipeline/graph/attribute.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { sameBits } from '../support/tensors.ts';

/** x [N, 6, 4, 4] → Conv → c → Flatten → Gemm → g → MatMul, Add → s → MatMul → y, whose weights are as they come. */
const network = buildModel({
  opset: 13, inputs: { x: ['N', 6, 4, 4] }, outputs: { y: ['N', 3] },
  weights: { k: weight([5, 6, 3, 3]), w: weight([20, 3], { seed: 2 }), b: weight([3], { seed: 3 }), m: weight([3, 5], { seed: 4 }), a: weight([5], { seed: 5 }), n: weight([5, 3], { seed: 6 }) },
  nodes: [
    { op: 'Conv', in: ['x', 'k'], out: ['c'] }, { op: 'Flatten', in: ['c'], out: ['f'] }, { op: 'Gemm', in: ['f', 'w', 'b'], out: ['g'] },
    { op: 'MatMul', in: ['g', 'm'], out: ['p'] }, { op: 'Add', in: ['p', 'a'], out: ['s'] }, { op: 'MatMul', in: ['s', 'n'], out: ['y'] },
  ],
});
/** MatMul and Add as one operator, without a quantizer between: what the engine makes a Gemm of. */
const config = { ...presets['per-channel'].config, composites: { MatMulAdd: 'True' } };
const x = float32Tensor([8, 6, 4, 4], floats(8 * 96));

async function run(engine: EngineName, model: Model, fuseQuantized: boolean): Promise<Float32Array> {
  const session = await (await openEngine(engine)).load(writeModel(model), { fuseQuantized });
  const { y } = await session.run({ x });
  await session.close();
  return y!.data as Float32Array;
}

// weights that no integer kernel may touch
const kinds: Readonly<Record<string, QuantSimOptions>> = {
  'that an override leaves in float': { override: Object.fromEntries(['k', 'w', 'm', 'n'].map(name => [name, { is_quantized: false }])) },
  'in float16': { weightFormat: 'float16' },
  'on a grid of 24 bits': { weightBitwidth: 24 },
};

suite('export/shield-weights', test => {
  for (const [kind, options] of Object.entries(kinds)) {
    for (const engine of ['web', 'native'] as const) {
      test(`weights ${kind} stay what they are while the engine fuses: ${engine}`, async () => {
        const sim = await QuantSim.open(network, { ...options, config, activationBitwidth: 16, scheme: 'min-max' });
        for await (const progress of sim.calibrate([{ x }], { workers: 1, engine })) void progress;
        const exported = sim.exported();
        sameBits(await run(engine, exported, true), await run(engine, exported, false), 'fused');
        assert.equal(exported.graph.nodes.filter(({ opType }) => opType === 'Max').map(({ outputs }) => outputs[0]!.consumers.map(({ opType }) => opType).join()), ['Conv', 'Gemm', 'MatMul'], 'a MatMul alone keeps its weight');
        assert.is(shieldWeights(exported.graph).rewrites, 0, 'a second time there is nothing to do');
      });
    }
  }

  for (const [what, dims, group, after, shields] of [
    ['full', [4, 4, 3, 3], 1, ['HardSwish'], 1], ['depthwise', [4, 1, 3, 3], 4, ['HardSwish', 'QuantizeLinear'], 0],
    ['depthwise', [4, 1, 3, 3], 4, ['QuantizeLinear'], 1], ['depthwise', [4, 1, 3, 3], 4, ['Relu', 'QuantizeLinear'], 1],
  ] as const) {
    test(`the float weight of a ${what} convolution, ${after.join(', ')} after it, has ${shields === 0 ? 'no shield: the engine leaves it alone' : 'one'}`, () => {
      const { graph } = buildModel({
        opset: 14, inputs: { q: { dtype: 'uint8', shape: [1, 4, 5, 5] } }, weights: { s: float32Tensor([], Float32Array.of(1)), w: weight(dims) }, outputs: { y: null },
        nodes: [
          { op: 'DequantizeLinear', in: ['q', 's'], out: ['x'] }, { op: 'Conv', in: ['x', 'w'], out: ['c'], attributes: { group: intAttribute(group) } },
          ...after.map((op, i) => ({ op, in: [i === 0 ? 'c' : after[i - 1]!, ...(op === 'QuantizeLinear' ? ['s'] : [])], out: [i === after.length - 1 ? 'y' : op] })),
        ],
      });
      assert.is(shieldWeights(graph).rewrites, shields);
    });
  }

  test('integer weights have no shield', async () => {
    const sim = await QuantSim.open(network, { config, scheme: 'min-max' });
    for await (const progress of sim.calibrate([{ x }], { workers: 1, engine: 'web' })) void progress;
    assert.not.ok(sim.exported().graph.nodes.some(({ opType }) => opType === 'Max'));
  });
});
