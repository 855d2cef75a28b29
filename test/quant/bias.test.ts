import * as assert from 'uvu/assert';

import { biasScales, channelDeltas, dequantizeBias, fitWeightsToBias, quantizeBias } from '../../pipeline/quant/bias.ts';
import { type Encoding, fitEncoding } from '../../pipeline/quant/encoding.ts';
import type { DividedTensor } from '../../pipeline/quant/granularity.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';

const input = fitEncoding(0, 255, grid(8)); // delta 1
const weight = (bound: number) => fitEncoding(-bound, bound, grid(8, 'symmetric'));

/** A weight of 4 rows with an encoding for each of its columns. */
const columns = (...encodings: Encoding[]): DividedTensor => ({ tensor: 'w', dims: [4, encodings.length], granularity: { kind: 'channel', axis: 1 }, encodings });

/** Four-bit blocks of two along the rows, three for each of two columns; LPBQ where they decompress. */
const inBlocks = (deltas: readonly number[], decompressedBitwidth: number | null): DividedTensor => ({
  tensor: 'w', dims: [6, 2], granularity: { kind: 'block', axis: 0, blockSize: 2, channelAxis: 1, decompressedBitwidth },
  encodings: deltas.map(delta => ({ delta, offset: -8, min: -8 * delta, max: 7 * delta, grid: grid(4, 'symmetric') })),
});
const near = (actual: readonly number[], expected: readonly number[]) =>
  actual.forEach((x, i) => assert.ok(Math.abs(x / expected[i]! - 1) < 1e-9, `${actual} for ${expected}`));

suite('quant/bias', test => {
  test('counts in steps of input delta times weight delta, ties to even', () => {
    const { codes, scales } = quantizeBias(Float32Array.of(0.25, 0.75, -1.25, 2), input, columns(weight(63.5))); // delta 0.5
    assert.equal([...scales], [0.5]);
    assert.equal([...codes], [0, 2, -2, 4]);
  });

  test('has a step per channel; channels repeat where groups share them', () => {
    const quantized = quantizeBias(Float32Array.of(1, 1, 1, 1), input, columns(weight(63.5), weight(127)));
    assert.equal([...quantized.codes], [2, 1, 2, 1]);
    assert.equal([...dequantizeBias(quantized)], [1, 1, 1, 1]);
  });

  test('is wrong by half a step at most', () => {
    const bias = floats(100), weights = columns(weight(0.7));
    const [step] = biasScales(input, weights);
    const back = dequantizeBias(quantizeBias(bias, input, weights));
    bias.forEach((value, i) => assert.ok(Math.abs(value - back[i]!) <= step! / 2 * (1 + 1e-6), `${value} became ${back[i]}`));
  });

  test('saturates at the ends of int32', () => {
    const tiny = { ...input, delta: 1e-9 };
    assert.equal([...quantizeBias(Float32Array.of(1e6, -1e6), tiny, columns(weight(1))).codes], [2 ** 31 - 1, -(2 ** 31)]);
  });

  test('the guard raises only channels whose bias does not fit, to where it just fits', () => {
    const small = { ...input, delta: 1e-6 };
    const weights = columns(weight(1), weight(1e-3 * 127));
    const bias = Float32Array.of(1, 10); // channel 1: 10 / (1e-6 * 1e-3) = 1e10 steps
    const fitted = fitWeightsToBias(bias, small, weights);
    assert.is(fitted[0], weights.encodings[0]);
    assert.is(fitted[1]!.offset, -128);
    assert.is(fitted[1]!.min, fitted[1]!.delta * -128);
    const { codes } = quantizeBias(bias, small, { ...weights, encodings: fitted });
    const products = 4 * 128 * 255; // of a column of 4 with the farthest codes of int8 and uint8
    assert.ok(codes[1]! + products < 2 ** 31 && codes[1]! + products > 2 ** 31 - 1e4, `${codes[1]}`);
  });

  test('a fitted bias and all products of 8-bit codes fit int32 together; of 16-bit codes nobody adds the products in int32', () => {
    for (const [rows, bitwidth, least, most] of [[1, 8, 0.99, 1], [4608, 8, 0.9, 0.95], [32000, 8, 0.5, 0.52], [1e6, 8, 0.4999, 0.5], [4608, 16, 0.9999, 1]] as const) {
      const weights: DividedTensor = { ...columns(weight(1e-3), weight(1e-3)), dims: [rows, 2] };
      const activation = { ...fitEncoding(0, 4, grid(bitwidth)), delta: 1e-6 };
      const [code] = quantizeBias(Float32Array.of(-10, 3), activation, { ...weights, encodings: fitWeightsToBias(Float32Array.of(-10, 3), activation, weights) }).codes;
      assert.ok(-code! / 2 ** 31 > least && -code! / 2 ** 31 <= most, `${rows} rows: ${code}`);
      const farthest = 255 * 128;
      if (bitwidth === 8 && rows < 1e5) assert.ok(-code! + rows * farthest < 2 ** 31, `${rows} rows: ${code}`);
    }
  });

  test('the guard returns the same encodings where all biases fit', () => {
    for (const weights of [columns(weight(1)), inBlocks([10, 4, 16, 8, 1, 0.5], null), inBlocks([10, 4, 16, 8, 1, 0.5], 8)]) {
      assert.is(fitWeightsToBias(Float32Array.of(1), input, weights), weights.encodings);
    }
  });

  test('beside blocks a bias has the step of the largest in its channel, beside multiples of a delta (LPBQ) that of the delta', () => {
    const deltas = [0.010, 0.004, 0.016, 0.5, 8, 1]; // AIMET's example, 10, 4 and 16 times 0.001; then 1, 16 and 2 times 0.5
    near(channelDeltas(inBlocks(deltas, null)), [0.016, 8]);
    near(channelDeltas(inBlocks(deltas, 8)), [0.001, 0.5]);
    assert.equal([...quantizeBias(Float32Array.of(0.03, -4.2, 0.001, 3), input, inBlocks(deltas, 8)).codes], [30, -8, 1, 6]);
    assert.equal([...quantizeBias(Float32Array.of(0.03, -4.2, 0.001, 5), input, inBlocks(deltas, null)).codes], [2, -1, 0, 1]);
  });

  test('a channel whose blocks lack the largest multiple has the delta that files give it', () => {
    near(channelDeltas(inBlocks([6, 9, 3, 5, 5, 5], 8)), [0.6, 0.3125]); // 10, 15 and 5; 16 each: the smallest delta of which all are whole multiples
  });

  test('refuses multiples that are none: no channel has a step then', () => {
    assert.throws(() => channelDeltas(inBlocks([1, 2, 3, 1, 2, 3.01], 8)), (error: Error) =>
      error.message === "'w': the deltas of channel 1, 1 to 3.01, are not 1 to 16 times one delta, as multiples (LPBQ) must be");
  });

  test('the guard raises one block of a channel, and all of one whose blocks are multiples, and then the bias just fits', () => {
    const small = { ...input, delta: 1e-6 };
    const bias = Float32Array.of(1e-6, 10); // channel 1: 10 / (1e-6 * 2e-3) = 5e9 steps; of LPBQ 16 times as many
    const deltas = [0.010, 0.004, 0.016, 0.5e-3, 2e-3, 1e-3];
    const needed = 10 / (2 ** 31 * 1e-6);
    const one = fitWeightsToBias(bias, small, inBlocks(deltas, null)).map(({ delta }) => delta);
    assert.equal([...one.slice(0, 4), one[5]], [...deltas.slice(0, 4), deltas[5]]);
    assert.ok(Math.abs(one[4]! / needed - 1) < 1e-5, `${one[4]} for ${needed}`);
    const all = inBlocks(deltas, 8);
    const raised = fitWeightsToBias(bias, small, all);
    assert.equal(raised.slice(0, 3), all.encodings.slice(0, 3));
    raised.slice(3).forEach(({ delta, min, offset }, i) => assert.ok(Math.abs(delta / ([4, 16, 8][i]! * needed) - 1) < 1e-5 && min === delta * offset, `${delta}`));
    for (const [weights, fitted] of [[inBlocks(deltas, null), fitWeightsToBias(bias, small, inBlocks(deltas, null))], [all, raised]] as const) {
      const code = quantizeBias(bias, small, { ...weights, encodings: fitted }).codes[1]!;
      assert.ok(code < 2 ** 31 - 1 && code > 2 ** 31 - 1e5, `${code}`);
    }
  });
});
