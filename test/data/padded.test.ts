import * as assert from 'uvu/assert';

import { bindInputs, blocks, BlockFeeds, openSource, type BindOptions } from '../../pipeline/data/index.ts';
import { suite } from '../support/suite.ts';
import { failure } from './reading.ts';

const IDS = { name: 'ids', dtype: 'int64', shape: ['N', 'T'] } as const, MASK = { name: 'mask', dtype: 'int64', shape: ['N', 'T'] } as const;
const FILE = 'fixtures/data/foreign/snappy.parquet';

/** The feeds of the first block: row r of 'list' has r % 4 + 1 values, (7 r + i) % 100; of 'ragged' the shape [2, r % 3 + 1]. */
async function firstFeeds(inputs: Parameters<typeof bindInputs>[1], options: BindOptions) {
  const source = await openSource(FILE);
  const bindings = bindInputs(source, inputs, options);
  for await (const { bytes } of blocks(source, { size: 4 })) {
    return [...new BlockFeeds(bytes, inputs, bindings)].map(({ rows, feeds: all }) => ({ rows, ...Object.fromEntries(Object.entries(all).map(([name, { dims, data }]) => [name, { dims, data: Array.from(data as Int32Array, Number) }])) }));
  }
  return assert.unreachable();
}

suite('data/padded', test => {
  test('runs samples of different lengths one by one unless padding is asked for', async () => {
    const read = await firstFeeds([IDS, MASK], { inputs: { ids: 'list', mask: 'mask(list)' } });
    assert.equal(read, [0, 1, 2, 3].map(r => ({
      rows: 1, ids: { dims: [1, r + 1], data: Array.from({ length: r + 1 }, (_, i) => 7 * r + i) }, mask: { dims: [1, r + 1], data: Array(r + 1).fill(1) },
    })));
  });

  test('pads to the longest sample of the block, and makes the mask of it', async () => {
    const read = await firstFeeds([IDS, MASK], { inputs: { ids: 'list', mask: 'mask(list)' }, pad: { list: -1 } });
    assert.equal(read, [{
      rows: 4,
      ids: { dims: [4, 4], data: [0, -1, -1, -1, 7, 8, -1, -1, 14, 15, 16, -1, 21, 22, 23, 24] },
      mask: { dims: [4, 4], data: [1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1] },
    }]);
  });

  test('pads tensors on every axis', async () => {
    const read = await firstFeeds([{ name: 'x', dtype: 'float32', shape: ['N', 2, 'W'] }], { inputs: { x: 'ragged' }, pad: { ragged: 0.5 } });
    assert.equal(read, [{ rows: 4, x: { dims: [4, 2, 3], data: [0, 0.5, 0.5, 1, 0.5, 0.5, 7, 8, 0.5, 9, 10, 0.5, 14, 15, 16, 17, 18, 19, 21, 0.5, 0.5, 22, 0.5, 0.5] } }]);
  });

  test('refuses to pad what is not there, and whole numbers with fractions', async () => {
    assert.match((await failure(() => firstFeeds([IDS], { inputs: { ids: 'list' }, pad: { lists: 0 } }))).message, /has no column 'lists' to pad; it has 'float32', /);
    assert.is((await failure(() => firstFeeds([IDS], { inputs: { ids: 'list' }, pad: { list: 0.5 } }))).message, "column 'list' holds int64 and cannot be padded with 0.5");
  });
});
