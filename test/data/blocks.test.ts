import fc from 'fast-check';
import * as assert from 'uvu/assert';

import { blocks, blockSize, sampleCount, type BlockOptions } from '../../pipeline/data/blocks.ts';
import { BlockFeeds } from '../../pipeline/data/feeds.ts';
import type { Block, Source } from '../../pipeline/data/source.ts';
import { suite } from '../support/suite.ts';
import { counting } from './batches.ts';

const input = { name: 'x', dtype: 'float32', shape: ['N', 2] } as const;
const binding = { input: 'x', column: 'x', preprocess: null, because: 'name' } as const;

async function collect(source: Source, options: BlockOptions): Promise<Block[]> {
  const all: Block[] = [];
  for await (const block of blocks(source, options)) all.push(block);
  return all;
}

/** The samples of a block, read back: the first value of each. */
function samples(block: Block): number[] {
  return [...new BlockFeeds(block.bytes, [input], [binding])].flatMap(({ feeds }) => {
    const data = feeds['x']!.data as Float32Array;
    return Array.from({ length: data.length / 2 }, (_, i) => (data[2 * i + 1] === -data[2 * i]! ? data[2 * i]! : NaN));
  });
}

const sizes = fc.array(fc.nat(9), { minLength: 1, maxLength: 12 }).filter(sizes => sizes.some(size => size > 0));

suite('data/blocks', test => {
  test('holds samples k·B to k·B+B-1 in block k, however the source is cut', async () => {
    await fc.assert(fc.asyncProperty(sizes, fc.integer({ min: 1, max: 11 }), fc.integer({ min: 1, max: 100 }), async (sizes, size, limit) => {
      const source = counting(sizes);
      const total = Math.min(source.rows!, limit);
      const all = await collect(source, { size, limit });
      assert.equal(all.map(({ index }) => index), [...Array(Math.ceil(total / size)).keys()]);
      for (const block of all) {
        const first = block.index * size, expected = Array.from({ length: Math.min(size, total - first) }, (_, i) => first + i);
        assert.is(block.rows, expected.length);
        assert.equal(samples(block), expected);
      }
    }), { seed: 1, numRuns: 100 });
  });

  test('gives every block the same bytes, whichever shard reads it and however the source is cut', async () => {
    await fc.assert(fc.asyncProperty(sizes, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 4 }), async (sizes, size, count) => {
      const all = await collect(counting([sizes.reduce((a, b) => a + b)]), { size });
      const shards = await Promise.all([...Array(count).keys()].map(index => collect(counting(sizes), { size, shard: { index, count } })));
      for (const [index, shard] of shards.entries()) for (const block of shard) assert.is(block.index % count, index);
      const merged = shards.flat().sort((a, b) => a.index - b.index);
      assert.equal(merged.map(({ bytes }) => Buffer.from(bytes).toString('hex')), all.map(({ bytes }) => Buffer.from(bytes).toString('hex')));
    }), { seed: 2, numRuns: 50 });
  });

  test('begins at the block that is asked for, and knows how many samples are left', async () => {
    for (const options of [{ size: 4 }, { size: 4, from: 2 }, { size: 3, from: 1, shard: { index: 1, count: 2 } }, { size: 4, from: 9 }, { size: 5, limit: 7 }, { size: 4, together: 4 }, { size: 4, together: 2, shard: { index: 1, count: 2 } }, { size: 6, together: 3, from: 1, limit: 11 }]) {
      const found = await collect(counting([5, 1, 0, 7]), options);
      assert.is(sampleCount({ rows: 13 } as Source, options), found.reduce((sum, { rows }) => sum + rows, 0), JSON.stringify(options));
      for (const { index } of found) assert.ok(index >= (options.from ?? 0));
    }
  });

  test('leaves out, and tells, what does not fill the batch that the model fixes', async () => {
    for (const [together, size, kept, told] of [[4, 8, 12, [1]], [5, 5, 10, [3]], [13, 13, 13, []], [6, 12, 12, [1]]] as const) {
      const leftOut: number[] = [];
      const all = await collect(counting([5, 1, 0, 7]), { size, together, onLeftOut: count => leftOut.push(count) });
      assert.equal(all.flatMap(samples), [...Array(kept).keys()]);
      assert.equal(leftOut, told);
    }
    const error = await collect(counting([3]), { size: 4, together: 4 }).catch(error => error);
    assert.is(error.message, 'counting holds 3 samples, the model reads 4 at a time');
  });

  test('leaves out, and tells, what an unreadable sample keeps from filling a run of the model', async () => {
    const good = counting([13]);
    const source: Source = { ...good, async *batches() {
      for await (const batch of good.batches()) {
        yield batch.slice(0, 2);
        yield { bad: 'torn' } as never;
        yield batch.slice(3, 12);
        yield { bad: 'torn' } as never;
      }
    } };
    const told: number[][] = [];
    const all = await collect(source, { size: 8, together: 4, onLeftOut: (...count) => told.push(count) });
    assert.equal(all.map(samples), [[0, 1, 3, 4], [8, 9, 10, 11]]);
    assert.equal(all.map(({ rows, bad }) => [rows, ...bad.map(({ sample }) => sample)]), [[4, 2], [4, 12]]);
    assert.equal(told, [[3, 1]]);
  });

  test('sizes blocks in multiples of what the model reads at a time', () => {
    assert.equal([blockSize(undefined, 32, 1), blockSize(undefined, 32, 5), blockSize(undefined, 32, 100), blockSize(10, 32, 5)], [32, 30, 100, 10]);
    assert.throws(() => blockSize(8, 32, 5), /batch size of 8 is no multiple of the 5 samples/);
  });

  test('moves: each block owns its whole buffer', async () => {
    const [block] = await collect(counting([3]), { size: 8 });
    structuredClone(block!.bytes, { transfer: [block!.bytes] });
    assert.is(block!.bytes.byteLength, 0);
  });

  test('refuses a source without samples', async () => {
    for (const sizes of [[], [0, 0]]) {
      const error = await collect(counting(sizes), { size: 2 }).catch(error => error);
      assert.is(error.code, 'data-invalid');
      assert.is(error.message, 'counting holds no samples');
    }
  });
});
