import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { QuantSim, type QuantSimOptions } from '../../pipeline/index.ts';
import { initializerOf } from '../../pipeline/graph/node.ts';
import { suite } from '../support/suite.ts';

const DATA = 'fixtures/data/fmnist-calibration.arrow';

async function opened(name: string, options: QuantSimOptions = {}): Promise<QuantSim> {
  const sim = await QuantSim.open(`fixtures/models/${name}.onnx`, options);
  for await (const progress of sim.calibrate(DATA, { limit: 8 })) void progress;
  return sim;
}

suite('sim/trace', test => {
  for (const engine of ['web', 'native'] as const) {
    test(`compares every quantized activation of fmnist-vit in the order of the graph, ${engine}`, async () => {
      const sim = await opened('fmnist-vit');
      const { tensors: traced, notCompared } = await sim.trace(DATA, { engine, limit: 2 });
      assert.equal(notCompared, []);
      const activations = sim.placement.quantizers.filter(({ role, observed }) => role === 'activation' && observed.length > 0).map(({ tensor }) => tensor);
      assert.equal(traced.map(({ tensor }) => tensor).filter(tensor => activations.includes(tensor)), activations);
      for (const { tensor, offBy } of traced) {
        const all = offBy.reduce((sum, count) => sum + count), far = offBy.slice(2).reduce((sum, count) => sum + count);
        assert.ok(far <= 0.05 * all, `${tensor}: ${offBy}`);
      }
    });
  }

  test('compares tensors in 16-bit floats, in their place among the others', async () => {
    const sim = await opened('fmnist-cnn', { override: { '/m/m.0/Clip_output_0': { format: 'float16' }, 'input': { format: 'bfloat16' }, 'logits': { format: 'float16' } } });
    const { tensors: traced, notCompared } = await sim.trace(DATA, { engine: 'native', limit: 1 });
    assert.equal(notCompared, []);
    const all = (await (await opened('fmnist-cnn')).trace(DATA, { engine: 'native', limit: 1 })).tensors.map(({ tensor }) => tensor);
    assert.equal(traced.map(({ tensor }) => tensor), all);
    assert.equal(traced.filter(({ step }) => typeof step === 'string').map(({ tensor, step }) => [tensor, step]), [['input', 'bfloat16'], ['/m/m.0/Clip_output_0', 'float16'], ['logits', 'float16']]);
    const input = traced[0]!.offBy;
    assert.equal([input[0], input.slice(1)], [784, [0, 0, 0, 0]], 'the image is rounded alike');
  });

  test('finds tensors with a pair for every reader, and says which it does not find', async () => {
    const sim = await opened('fmnist-cnn');
    const all = (await sim.trace(DATA, { engine: 'web', limit: 1 })).tensors.length;
    const dedicated = await sim.trace(DATA, { engine: 'web', limit: 1, against: sim.exported({ dedicatedPairs: true }) });
    assert.equal([dedicated.tensors.length, dedicated.notCompared], [all, []]);
    const none = await sim.trace(DATA, { engine: 'web', limit: 1, against: sim.model });
    assert.is(none.notCompared.length + none.tensors.length, all);
    assert.ok(none.notCompared.length >= all - 2, 'but for graph inputs and outputs, a float model has none');
  });

  test('names the tensor behind a weight that was changed, and none before it', async () => {
    const sim = await opened('fmnist-cnn');
    const against = sim.exported();
    const weight = sim.placement.quantizers.filter(({ role }) => role === 'weight')[3]!.tensor;
    const reader = sim.model.graph.values.get(weight)!.consumers[0]!;
    const changed = against.graph.nodes.find(({ label }) => label === reader.label)!;
    const scale = changed.inputs[1]!.producer!.inputs[1]!;
    const { dims, data } = scale.initializer!.read();
    scale.initializer = initializerOf(float32Tensor(dims, (data as Float32Array).map(x => 2 * x)));
    const { tensors: traced } = await sim.trace(DATA, { engine: 'web', limit: 2, against });
    const far = ({ offBy }: { offBy: readonly number[] }) => offBy[4]! > 0;
    const first = traced.find(far)!;
    const nodes = sim.model.graph.nodes.map(({ label }) => label);
    assert.ok(nodes.indexOf(first.node!) >= nodes.indexOf(reader.label), `${first.node} computes ${first.tensor}`);
    assert.ok(nodes.indexOf(first.node!) <= nodes.indexOf(reader.label) + 2, `${first.node} is not ${reader.label} or the activation after it`);
  });
});
