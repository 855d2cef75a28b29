import * as assert from 'uvu/assert';

import { biasScales, dequantizeBias, fitWeightsToBias, quantizeBias } from '../../pipeline/quant/bias.ts';
import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';

const input = fitEncoding(0, 255, grid(8)); // delta 1
const weight = (bound: number) => fitEncoding(-bound, bound, grid(8, 'symmetric'));

suite('quant/bias', test => {
  test('counts in steps of input delta times weight delta, ties to even', () => {
    const { codes, scales } = quantizeBias(Float32Array.of(0.25, 0.75, -1.25, 2), input, [weight(63.5)]); // delta 0.5
    assert.equal([...scales], [0.5]);
    assert.equal([...codes], [0, 2, -2, 4]);
  });

  test('has a step per channel; channels repeat where groups share them', () => {
    const quantized = quantizeBias(Float32Array.of(1, 1, 1, 1), input, [weight(63.5), weight(127)]);
    assert.equal([...quantized.codes], [2, 1, 2, 1]);
    assert.equal([...dequantizeBias(quantized)], [1, 1, 1, 1]);
  });

  test('is wrong by half a step at most', () => {
    const bias = floats(100), weights = [weight(0.7)];
    const [step] = biasScales(input, weights);
    const back = dequantizeBias(quantizeBias(bias, input, weights));
    bias.forEach((value, i) => assert.ok(Math.abs(value - back[i]!) <= step! / 2 * (1 + 1e-6), `${value} became ${back[i]}`));
  });

  test('saturates at the ends of int32', () => {
    const tiny = { ...input, delta: 1e-9 };
    assert.equal([...quantizeBias(Float32Array.of(1e6, -1e6), tiny, [weight(1)]).codes], [2 ** 31 - 1, -(2 ** 31)]);
  });

  test('the guard raises only channels whose bias does not fit, to where it just fits', () => {
    const small = { ...input, delta: 1e-6 };
    const weights = [weight(1), weight(1e-3 * 127)];
    const bias = Float32Array.of(1, 10); // channel 1: 10 / (1e-6 * 1e-3) = 1e10 steps
    const fitted = fitWeightsToBias(bias, small, weights);
    assert.is(fitted[0], weights[0]);
    assert.is(fitted[1]!.offset, -128);
    assert.is(fitted[1]!.min, fitted[1]!.delta * -128);
    const { codes } = quantizeBias(bias, small, fitted);
    assert.ok(codes[1]! < 2 ** 31 - 1 && codes[1]! > 2 ** 31 - 1e5, `${codes[1]}`);
  });

  test('the guard returns the same encodings where all biases fit', () => {
    const weights = [weight(1)];
    assert.is(fitWeightsToBias(Float32Array.of(1), input, weights), weights);
  });
});
