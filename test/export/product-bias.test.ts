// A MatMul and the Add of its bias as one layer, from the placement to the engines' kernels.

import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { fitBiases } from '../../pipeline/config/fit-biases.ts';
import { parseConfig } from '../../pipeline/config/parse-config.ts';
import type { Placement } from '../../pipeline/config/placement.ts';
import { placeQuantizers, type PlacementOptions } from '../../pipeline/config/place-quantizers.ts';
import { presets } from '../../pipeline/config/presets/index.ts';
import { openEngine } from '../../pipeline/engine/index.ts';
import { applyEncodings, encodingsJson, qdqModel, readEncodings } from '../../pipeline/export/index.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { simulate } from '../../pipeline/sim/simulate.ts';
import { buildModel } from '../support/graphs.ts';
import { optimizedOperators } from '../support/optimized.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { node } from './models.ts';

const COLUMNS = 6, ROWS = 32;
/** Half the range of the weight's column. */
const spread = (column: number) => 0.2 + column / 10;

/** A product, its bias, and something that reads the sum, as one layer. The input is a matrix, or has a dimension more. */
function network({ isMatrix = true, bias = floats(COLUMNS, { seed: 3 }), composites = 'True', ...options }: PlacementOptions & { isMatrix?: boolean; bias?: Float32Array; composites?: 'True' | 'False' } = {}) {
  const matrix = floats(ROWS * COLUMNS, { seed: 1, min: -1, max: 1 }).map((value, i) => value * spread(i % COLUMNS));
  const model = buildModel({
    opset: 13, inputs: { x: isMatrix ? ['N', ROWS] : ['N', 5, ROWS] }, weights: { w: float32Tensor([ROWS, COLUMNS], matrix), b: float32Tensor([COLUMNS], bias) },
    nodes: [node('MatMul', ['x', 'w'], ['p']), node('Add', ['p', 'b'], ['s']), node('Sigmoid', ['s'], ['y'])], outputs: { y: null },
  });
  const placement = placeQuantizers(model, parseConfig({ ...presets['per-channel'].config, composites: { MatMulAdd: composites } }, 'the test'), options);
  const largest = bias.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const ends: Record<string, number> = { x: 1, p: 4, b: largest, s: 4 + largest, y: 1 };
  const encodings = new Map(placement.quantizers.map(({ tensor, grid }) => [tensor, tensor === 'w'
    ? Array.from({ length: COLUMNS }, (_, column) => fitEncoding(-spread(column), spread(column), grid))
    : [fitEncoding(-ends[tensor]!, ends[tensor]!, grid)]]));
  return { model, placement, encodings: fitBiases(model, placement, encodings), x: float32Tensor(isMatrix ? [15, ROWS] : [3, 5, ROWS], floats(15 * ROWS, { seed: 2, min: -1, max: 1 })) };
}

async function outputsOf(engine: 'web' | 'native', model: Model, x: ReturnType<typeof network>['x'], fuseQuantized: boolean): Promise<Float32Array> {
  const session = await (await openEngine(engine)).load(writeModel(model), { fuseQuantized });
  const { y } = await session.run({ x });
  await session.close();
  return y!.data as Float32Array;
}

const largestDifference = (a: Float32Array, b: Float32Array) => a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

suite('export/product-bias', test => {
  test('the bias of a MatMul is stored as int32 in steps of input times weight, and the Add reads it through a DequantizeLinear', () => {
    const { model, placement, encodings } = network();
    const { graph } = qdqModel(model, placement, encodings);
    const steps = encodings.get('w')!.map(({ delta }) => delta * encodings.get('x')![0]!.delta);
    const read = (name: string) => graph.values.get(name)!.initializer!.read();
    const bias = model.graph.values.get('b')!.initializer!.read().data as Float32Array;
    assert.is(read('b_quantized').dtype, 'int32');
    Array.from(read('b_quantized').data as Int32Array).forEach((code, i) => assert.ok(Math.abs(code - bias[i]! / steps[i]!) <= 0.501, `${code} for ${bias[i]! / steps[i]!}`));
    Array.from(read('b_scale').data as Float32Array).forEach((step, i) => assert.ok(Math.abs(step / steps[i]! - 1) < 1e-6));
    const add = graph.nodes.find(({ opType }) => opType === 'Add')!;
    assert.equal(add.inputs[1]!.producer!.inputs.map(input => input!.name), ['b_quantized', 'b_scale']);
    assert.is(graph.values.get('p')!.uses.length, 1);
    assert.not.ok(graph.values.has('p_quantized'));
  });

  for (const version of ['0.6.1', '1.0.0', '2.0.0'] as const) {
    test(`encodings ${version} have the bias of a MatMul, in steps of input times weight, and are read back with it`, () => {
      const { model, placement, encodings } = network();
      const text = encodingsJson(model, placement, encodings, { version, scheme: 'min-max' });
      const entry = readEncodings(text, 'the test').entries.get('b')!;
      assert.ok(entry.kind === 'integer' && entry.encodings.length === COLUMNS);
      entry.encodings.forEach(({ delta, offset, grid }, i) => {
        assert.equal([grid.bitwidth, offset], [32, -(2 ** 31)]);
        assert.ok(Math.abs(delta / (encodings.get('x')![0]!.delta * encodings.get('w')![i]!.delta) - 1) < 1e-6);
      });
      const applied = applyEncodings(model, placement, readEncodings(text, 'the test'));
      assert.equal([applied.placement.biases, applied.warnings], [placement.biases, []]);
    });
  }

  for (const isMatrix of [true, false]) {
    for (const bits of [4, 8, 16]) {
      test(`simulated and exported, a product of ${isMatrix ? 'a matrix' : 'matrices'} and its bias are within a step on grids of ${bits} bits`, async () => {
        const { model, placement, encodings, x } = network({ isMatrix, weightBitwidth: bits, activationBitwidth: bits });
        const step = encodings.get('y')![0]!.delta;
        for (const engine of ['web', 'native'] as const) {
          const simulated = await outputsOf(engine, simulate(model, placement, encodings), x, false);
          const exported = await outputsOf(engine, qdqModel(model, placement, encodings), x, false);
          assert.ok(largestDifference(simulated, exported) <= 1.001 * step, `${engine}: ${largestDifference(simulated, exported)}`);
          assert.ok(new Set(exported).size > 3);
        }
      });
    }

    test(`with fusions on, a product of ${isMatrix ? 'a matrix' : 'matrices'} and its bias give what they give with fusions off`, async () => {
      const { model, placement, encodings, x } = network({ isMatrix });
      const exported = qdqModel(model, placement, encodings);
      const steps = encodings.get('s')![0]!.delta / 4 + encodings.get('y')![0]!.delta; // a Sigmoid is nowhere steeper than 1/4
      for (const engine of ['web', 'native'] as const) {
        const difference = largestDifference(await outputsOf(engine, exported, x, true), await outputsOf(engine, exported, x, false));
        assert.ok(difference <= 1.001 * steps, `${engine}: ${difference}`);
      }
    });

    test(`a bias far larger than all products of ${isMatrix ? 'a matrix' : 'matrices'} raises the weight's steps until it fits int32, and comes out of integer kernels as out of float ones`, async () => {
      const bias = Float32Array.of(2e6, 2e4, 3, -2e6, 0, 1);
      const { model, placement, encodings, x } = network({ isMatrix, bias });
      const { scales, codes } = storedBias(model, placement, encodings);
      codes.forEach((code, i) => {
        assert.ok(Math.abs(code) + ROWS * 128 * 128 < 2 ** 31, `${code}`);
        assert.ok(Math.abs(code * scales[i]! - bias[i]!) <= scales[i]!, `${code * scales[i]!} for ${bias[i]}`);
      });
      assert.equal(encodings.get('w')!.map(({ max }, column) => max > 1.01 * spread(column)), [true, false, false, true, false, false]);
      const exported = qdqModel(model, placement, encodings);
      for (const engine of ['web', 'native'] as const) assert.equal(await outputsOf(engine, exported, x, true), await outputsOf(engine, exported, x, false));
    });
  }

  // kernels of the layer, between the first QuantizeLinear and the Sigmoid
  for (const [what, options, kernels] of [
    ['one layer of matrices', { isMatrix: true }, ['QGemm']],
    ['one layer of more dimensions', { isMatrix: false }, ['MatMulIntegerToFloat', 'DequantizeLinear', 'Add', 'QuantizeLinear']],
    ['two layers of matrices', { isMatrix: true, composites: 'False' }, ['QLinearMatMul', 'QLinearAdd']],
    ['two layers of more dimensions', { isMatrix: false, composites: 'False' }, ['QLinearMatMul', 'QLinearAdd']],
  ] as const) {
    test(`the engine makes ${kernels.join(', ')} of a product and its bias as ${what}`, async () => {
      const { model, placement, encodings } = network(options);
      const operators = await optimizedOperators(writeModel(qdqModel(model, placement, encodings)));
      assert.equal(operators.slice(1, -2).sort(), [...kernels].sort());
    });
  }
});

function storedBias(model: Model, placement: Placement, encodings: ReturnType<typeof network>['encodings']) {
  const { graph } = qdqModel(model, placement, encodings);
  const read = (name: string) => Array.from(graph.values.get(name)!.initializer!.read().data as Float32Array | Int32Array);
  return { codes: read('b_quantized'), scales: read('b_scale') };
}
