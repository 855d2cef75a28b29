import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { fitBiases } from '../../pipeline/config/fit-biases.ts';
import { initializerOf } from '../../pipeline/graph/node.ts';
import { quantizeBias } from '../../pipeline/quant/bias.ts';
import { smallNetwork } from '../export/models.ts';
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

  test('changes nothing where every bias fits', () => {
    const { model, placement, encodings } = smallNetwork();
    assert.equal(fitBiases(model, placement, encodings), encodings);
  });
});
