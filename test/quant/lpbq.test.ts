import * as assert from 'uvu/assert';
import fc from 'fast-check';

import type { Encoding } from '../../pipeline/quant/encoding.ts';
import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { blockMultiples, channelMultiples, groupBlocks } from '../../pipeline/quant/lpbq.ts';
import { suite } from '../support/suite.ts';

const codes = grid(4, 'symmetric');
const blocks = (...deltas: number[]): Encoding[] => deltas.map(delta => ({ delta, offset: -8, min: -8 * delta, max: 7 * delta, grid: codes }));
const near = (actual: readonly number[], expected: readonly number[]) =>
  actual.forEach((x, i) => assert.ok(Math.abs(x - expected[i]!) <= 1e-12 * Math.abs(expected[i]!), `${actual} for ${expected}`));

suite('quant/lpbq', test => {
  test('deltas 0.010, 0.004, 0.016 from 4 to 8 bits are 10, 4 and 16 times 0.001', () => {
    const { deltas, multiples } = blockMultiples(blocks(0.010, 0.004, 0.016), 1, 8);
    assert.equal(multiples, [10, 4, 16]);
    near(deltas, [0.001]);
    near(groupBlocks(blocks(0.010, 0.004, 0.016), 1, 8).map(({ delta }) => delta), [0.010, 0.004, 0.016]);
  });

  test('a delta halfway between two multiples takes the even one', () => {
    assert.equal(blockMultiples(blocks(16, 2.5, 3.5), 1, 8).multiples, [16, 2, 4]);
  });

  // multiples of more than 5e8 lie closer together than the rounding that is allowed for, so that a tie is a multiple: K is 2^30 from 2 to 32 bits, the channel's delta 2^30 / K = 1
  for (const [delta, multiple] of [[600_000_000.5, 600_000_000], [600_000_001.5, 600_000_002]] as const) {
    test(`of blocks that have their deltas already, one of ${delta} times the channel's has the even multiple ${multiple}`, () => {
      const encodings = [2 ** 30, delta].map(step => fitEncoding(-step, step, grid(2, 'symmetric')));
      const { deltas, multiples } = channelMultiples({ tensor: 'w', dims: [1, 4], granularity: { kind: 'block', axis: 1, blockSize: 2, channelAxis: 0, decompressedBitwidth: 32 }, encodings }, 32);
      assert.equal([deltas, multiples], [[1], [2 ** 30, multiple]]);
    });
  }

  test('deltas that are almost multiples of one are none: a file of multiples would give others back', () => {
    const divided = (...deltas: number[]) => ({ tensor: 'w', dims: [1, 4], granularity: { kind: 'block', axis: 1, blockSize: 2, channelAxis: 0, decompressedBitwidth: 8 } as const, encodings: blocks(...deltas) });
    assert.equal(channelMultiples(divided(1, 0.5), 8).multiples, [16, 8]);
    assert.throws(() => channelMultiples(divided(1, 0.5002), 8), /the deltas of channel 0, 0.5002 to 1, are not 1 to 16 times one delta/);
  });

  test('every channel has its own delta; a block far below the largest keeps one multiple', () => {
    const grouped = groupBlocks(blocks(0.016, 0.0001, 0.0039, 0.08), 2, 8);
    near(grouped.map(({ delta }) => delta), [0.016, 0.001, 0.005, 0.08]);
    assert.ok(grouped.every(({ min, max, delta, offset }) => min === delta * offset && max === delta * 7));
  });

  test('with as many bits decompressed as compressed, all blocks of a channel share the largest delta', () => {
    near(groupBlocks(blocks(0.1, 0.3, 0.2), 1, 4).map(({ delta }) => delta), [0.3, 0.3, 0.3]);
  });

  test('multiples are whole, from 1 to K with K among them, no block is off by more than half a channel delta, and grouping again changes nothing', () => {
    const width = fc.double({ min: 1e-3, max: 10, noNaN: true });
    fc.assert(fc.property(fc.array(width, { minLength: 1, maxLength: 12 }), fc.integer({ min: 4, max: 8 }), (bounds, decompressed) => {
      const fitted = bounds.map(bound => fitEncoding(-bound, bound, codes));
      const { deltas: [channel], multiples } = blockMultiples(fitted, 1, decompressed);
      const most = 2 ** (decompressed - 4);
      assert.ok(multiples.every(multiple => Number.isInteger(multiple) && multiple >= 1 && multiple <= most));
      assert.ok(multiples.includes(most));
      const grouped = groupBlocks(fitted, 1, decompressed);
      grouped.forEach(({ delta }, i) => assert.ok(multiples[i] === 1 || Math.abs(delta - fitted[i]!.delta) <= channel! / 2 * (1 + 1e-9)));
      assert.equal(blockMultiples(grouped, 1, decompressed).multiples, multiples);
    }), { seed: 1 });
  });

  test('the multiples of a channel are the largest that there are, down to 1 where no more bits are decompressed', () => {
    const divided = (decompressedBitwidth: number, ...deltas: number[]) => channelMultiples({ tensor: 'w', dims: [1, 2 * deltas.length], granularity: { kind: 'block', axis: 1, blockSize: 2, channelAxis: 0, decompressedBitwidth }, encodings: blocks(...deltas) }, decompressedBitwidth);
    assert.equal(divided(4, 0.3, 0.3), { deltas: [0.3], multiples: [1, 1] });
    assert.equal(divided(8, 3, 1).multiples, [15, 5]); // 16 thirds are no whole number
    assert.equal(divided(8, 13, 11, 1), { deltas: [1], multiples: [13, 11, 1] });
    assert.throws(() => divided(4, 0.3, 0.15), /the deltas of channel 0, 0.15 to 0.3, are not 1 to 1 times one delta/);
    assert.throws(() => divided(8, 17, 1), /are not 1 to 16 times one delta/);
  });
});
