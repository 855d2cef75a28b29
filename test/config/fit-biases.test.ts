import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { fitBiases } from '../../pipeline/config/fit-biases.ts';
import { type EngineName, openEngine } from '../../pipeline/engine/index.ts';
import { qdqModel } from '../../pipeline/export/qdq-model.ts';
import { intAttribute } from '../../pipeline/graph/attribute.ts';
import { initializerOf } from '../../pipeline/graph/node.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { quantizeBias } from '../../pipeline/quant/bias.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { node, smallNetwork } from '../export/models.ts';
import { buildModel } from '../support/graphs.ts';
import { placementOf } from '../support/placements.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';

suite('config/fit-biases', test => {
  test('raises the weight channels whose bias would overflow int32, and nothing else', () => {
    const { model, placement, encodings } = smallNetwork();
    const tiny = { ...encodings.get('kernel')![1]!, delta: 1e-9 };
    const bias = Float32Array.of(0.5, 0.5);
    model.graph.values.get('shift')!.initializer = initializerOf(float32Tensor([2], bias));
    const before = new Map([...encodings, ['kernel', [encodings.get('kernel')![0]!, tiny]]]);
    const after = fitBiases(model, placement, before);
    assert.is(after.get('kernel')![0], before.get('kernel')![0]);
    assert.ok(after.get('kernel')![1]!.delta > tiny.delta);
    for (const tensor of ['image', 'positive', 'flat', 'matrix', 'logits']) assert.is(after.get(tensor), before.get(tensor), tensor);
    const [input] = encodings.get('image')!;
    const codes = (table: typeof after) => quantizeBias(bias, input!, { tensor: 'kernel', dims: [2, 1, 3, 3], granularity: { kind: 'channel', axis: 0 }, encodings: table.get('kernel')! }).codes;
    assert.is(codes(before)[1], 2 ** 31 - 1, 'overflows before');
    assert.ok(codes(after)[1]! < 2 ** 31 - 1, 'fits after');
  });

  test('raises with a weight every tensor that shares its encoding', () => {
    const model = buildModel({
      opset: 13, inputs: { x: [2, 4], ids: { dtype: 'int64', shape: [2] } }, weights: { table: float32Tensor([6, 4], floats(24)), bias: float32Tensor([6], new Float32Array(6).fill(1e5)) },
      nodes: [node('Gather', ['table', 'ids'], ['rows']), node('Gemm', ['x', 'table', 'bias'], ['y'], { transB: intAttribute(1) })], outputs: { rows: null, y: null },
    });
    const { placement, encodings } = placementOf([
      { tensor: 'x', ranges: [[0, 1]] }, { tensor: 'table', role: 'weight', ranges: [[-1e-3, 1e-3]] }, { tensor: 'rows', group: 'table', grid: grid(8, 'symmetric'), ranges: [[-1e-3, 1e-3]] },
    ], [{ tensor: 'bias', input: 'x', weight: 'table', node: 'Gemm_y' }]);
    const fitted = fitBiases(model, placement, encodings);
    assert.ok(fitted.get('table')![0]!.delta > encodings.get('table')![0]!.delta, 'raised');
    assert.equal(fitted.get('rows'), fitted.get('table'));
    assert.is(fitted.get('x'), encodings.get('x'));
  });

  test('changes nothing where every bias fits', () => {
    const { model, placement, encodings } = smallNetwork();
    assert.equal(fitBiases(model, placement, encodings), encodings);
  });

  // with products of one sign as large as codes allow, the int32 sum of bias and products wraps where the bias alone fills it
  for (const name of ['web', 'native'] as const satisfies EngineName[]) {
    test(`biases far larger than all products come out of the integer Conv of the ${name} engine as out of the float one`, async () => {
      const bias = Float32Array.of(1e6, 1e5, 3, -1e6);
      const kernel = float32Tensor([4, 3, 3, 3], floats(108).map((value, i) => i < 27 ? 0.1 : i >= 81 ? -0.1 : value / 10));
      const model = buildModel({
        opset: 13, inputs: { x: [2, 3, 8, 8] }, weights: { kernel, bias: float32Tensor([4], bias) },
        nodes: [node('Conv', ['x', 'kernel', 'bias'], ['y']), node('Neg', ['y'], ['z'])], outputs: { z: null },
      });
      const { placement, encodings } = placementOf([
        { tensor: 'x', ranges: [[0, 2]] }, { tensor: 'kernel', role: 'weight', axis: 0, ranges: Array.from({ length: 4 }, () => [-0.1, 0.1]) }, { tensor: 'y', ranges: [[-1.1e6, 1.1e6]] },
      ], [{ tensor: 'bias', input: 'x', weight: 'kernel', node: 'Conv_y' }]);
      const fitted = fitBiases(model, placement, encodings);
      const bytes = writeModel(qdqModel(model, placement, fitted));
      const x = float32Tensor([2, 3, 8, 8], new Float32Array(384).fill(2));
      const engine = await openEngine(name);
      const results: Float32Array[] = [];
      for (const fuseQuantized of [true, false]) {
        const session = await engine.load(bytes, { fuseQuantized });
        results.push((await session.run({ x }))['z']!.data as Float32Array);
        await session.close();
      }
      const { delta } = fitted.get('y')![0]!;
      results[0]!.forEach((value, i) => assert.ok(Math.abs(value - results[1]![i]!) < 1.01 * delta, `${value} for ${results[1]![i]}`));
    });
  }
});
