import * as assert from 'uvu/assert';
import fc from 'fast-check';

import { blocks, openSource, sampledSource, type BlockOptions, type Source } from '../../pipeline/data/index.ts';
import { fromIpc } from '../../pipeline/data/record-batches.ts';
import { suite } from '../support/suite.ts';
import { counting } from './batches.ts';
import { failure } from './reading.ts';

/** The numbers of the samples that are read: sample i of a counting source is [i, -i]. */
async function read(source: Source, options: BlockOptions = { size: 3 }): Promise<number[]> {
  const all: number[] = [];
  for await (const { bytes } of blocks(source, options)) for (const pair of fromIpc(bytes).getChild('x')!) all.push((pair as { get(i: number): number }).get(0));
  return all;
}

suite('data/sampled', test => {
  test('takes one sample of each stretch, whatever batches the source has', () => fc.assert(fc.asyncProperty(
    fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }), fc.integer({ min: 0, max: 2 ** 40 }), fc.double({ min: 0.01, max: 1, noNaN: true }),
    async (sizes, seed, share) => {
      const rows = sizes.reduce((sum, size) => sum + size, 0), count = Math.max(1, Math.floor(share * rows));
      const chosen = await read(sampledSource(counting(sizes), { count, seed }));
      assert.is(chosen.length, count);
      for (const [i, sample] of chosen.entries()) assert.ok(sample >= Math.floor(i * rows / count) && sample < Math.floor((i + 1) * rows / count), `${chosen.join()} of ${rows}`);
      assert.equal(await read(sampledSource(counting([rows]), { count, seed })), chosen);
      const shards = await Promise.all([0, 1].map(index => read(sampledSource(counting(sizes), { count, seed }), { size: 1, shard: { index, count: 2 } })));
      assert.equal(shards.flat().sort((a, b) => a - b), chosen);
    },
  ), { numRuns: 60, seed: 3 }));

  test('takes others for another seed, and the same for the same', async () => {
    const chosen = (seed: number) => read(sampledSource(counting([1000]), { count: 50, seed }));
    assert.equal(await chosen(1), await chosen(1));
    const [first, second] = [await chosen(1), await chosen(2)];
    assert.ok(first.filter(sample => second.includes(sample)).length < 15);
    const places = first.map((sample, i) => sample - 20 * i);
    assert.ok(Math.abs(places.reduce((sum, place) => sum + place, 0) / 50 - 9.5) < 3, `places in their stretches: ${places.join()}`);
  });

  test('takes the same samples of Parquet and of Arrow, skipping what is not chosen', async () => {
    const values = async (path: string) => {
      const all: string[] = [];
      for await (const { bytes } of blocks(await openSource(path, { sample: { count: 7, seed: 5 } }), { size: 2, columns: ['scalar'] })) all.push([...fromIpc(bytes).getChild('scalar')!].join());
      return all;
    };
    assert.equal(await values('fixtures/data/foreign/snappy.parquet'), await values('fixtures/data/foreign/plain.arrow'));
  });

  test('says why none can be chosen', async () => {
    assert.equal(await failure(() => openSource('fixtures/data/foreign/plain.arrows', { sample: { count: 3 } })), {
      code: 'config-invalid', message: 'fixtures/data/foreign/plain.arrows does not tell how many samples it holds, so none can be chosen among all: take the first ones, by a limit',
    });
    assert.equal(await failure(() => openSource('fixtures/data/foreign/plain.arrow', { sample: { count: 30 } })), {
      code: 'config-invalid', message: '30 samples were asked for, fixtures/data/foreign/plain.arrow holds 23',
    });
  });
});
