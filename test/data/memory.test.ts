import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import * as assert from 'uvu/assert';

import { bindInputs, blocks, BlockFeeds, openSource } from '../../pipeline/data/index.ts';
import { suite } from '../support/suite.ts';

const ROWS = 1000, SHAPE = [3, 128, 136]; // 208,896 bytes a sample, 209 MB in all
const SAMPLE_BYTES = 4 * 3 * 128 * 136;

interface Reads {
  bytes: number;
  largest: number;
}

/** What file handles read while `body` runs, whoever opened them. */
async function readsOf(body: () => Promise<void>): Promise<Reads> {
  const reads: Reads = { bytes: 0, largest: 0 };
  const handle = await open('package.json');
  const prototype = Object.getPrototypeOf(handle) as { read: (...args: unknown[]) => Promise<{ bytesRead: number }> };
  await handle.close();
  const { read } = prototype;
  prototype.read = async function (this: unknown, ...args) {
    const result = await read.apply(this, args);
    reads.bytes += result.bytesRead;
    reads.largest = Math.max(reads.largest, result.bytesRead);
    return result;
  };
  try {
    await body();
  } finally {
    prototype.read = read;
  }
  return reads;
}

suite('data/memory', test => {
  let folder: string, path: string;
  test.before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quantpipe-memory-'));
    path = join(folder, 'large.npy');
    const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${[ROWS, ...SHAPE].join(', ')}), }`.padEnd(117) + '\n';
    await writeFile(path, Buffer.concat([Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, text.length, 0]), Buffer.from(text)]));
    const file = await open(path, 'r+');
    await file.truncate(128 + ROWS * SAMPLE_BYTES); // zeros that take no room
    await file.close();
  });
  test.after(() => rm(folder, { recursive: true }));

  test('reads of a large file what is asked for, a little at a time', async () => {
    const inputs = [{ name: 'x', dtype: 'float32', shape: ['N', ...SHAPE] }] as const;
    const reads = await readsOf(async () => {
      const source = await openSource(path);
      assert.is(source.rows, ROWS);
      const bindings = bindInputs(source, inputs);
      for await (const block of blocks(source, { size: 8, limit: 24 })) {
        const [feed] = new BlockFeeds(block.bytes, inputs, bindings);
        assert.equal(feed!.feeds['x']!.dims, [8, ...SHAPE]);
      }
    });
    assert.ok(reads.bytes >= 24 * SAMPLE_BYTES && reads.bytes < 30 * SAMPLE_BYTES, `${reads.bytes} bytes read for 24 samples of ${SAMPLE_BYTES}`);
    assert.ok(reads.largest <= 2 ** 20, `${reads.largest} bytes in one read`);
  });

  test('passes over what belongs to other shards', async () => {
    const reads = await readsOf(async () => {
      const source = await openSource(path);
      for await (const { index } of blocks(source, { size: 8, shard: { index: 3, count: 20 } })) assert.is(index % 20, 3);
    });
    assert.ok(reads.bytes < 0.15 * ROWS * SAMPLE_BYTES, `${reads.bytes} bytes read for a twentieth of ${ROWS * SAMPLE_BYTES}`);
    const compressed = await readsOf(async () => {
      const source = await openSource('fixtures/data/fmnist-evaluation.arrow');
      for await (const { index } of blocks(source, { size: 100, shard: { index: 3, count: 10 } })) assert.is(index % 10, 3);
    });
    assert.ok(compressed.bytes < 250_000, `${compressed.bytes} bytes read for a tenth of about 1 MB, and a page of each of 20 batches`);
  });

  test('holds of a Parquet file a page and a batch, though all of it is one row group, and a page stands for millions of values', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers, held: number[] = [];
    for await (const { index, rows } of blocks(await openSource('fixtures/data/foreign/large.parquet'), { size: 8, columns: ['x'] })) {
      assert.is(rows, 8);
      if (index % 20 > 0) continue;
      collectGarbage();
      held.push(process.memoryUsage().arrayBuffers);
    }
    assert.is(held.length, 7);
    const median = [...held].sort((a, b) => a - b)[3]!; // buffers are given back by a thread of their own, somewhat after a collection
    assert.ok(median < before + 32e6, `${held.map(bytes => bytes - before).join(', ')} bytes held on the way, of 209 MB in all`);
  });

  test('reads of a Parquet file the columns and row groups that are asked for', async () => {
    const path = 'fixtures/data/foreign/zstd-v2.parquet', { size } = await stat(path);
    const column = await readsOf(async () => {
      for await (const block of blocks(await openSource(path), { size: 5, columns: ['scalar'] })) assert.ok(block.rows > 0);
    });
    const directory = await readsOf(async () => { await openSource(path); });
    assert.ok(column.bytes < 2 * directory.bytes + size / 10, `${column.bytes} bytes read for one column of ${size}, ${directory.bytes} for the footer`);
    const whole = await readsOf(async () => { for await (const block of blocks(await openSource(path), { size: 10 })) assert.ok(block.rows > 0); });
    const group = await readsOf(async () => { for await (const block of blocks(await openSource(path), { size: 10, from: 2 })) assert.is(block.rows, 3); });
    assert.ok(group.bytes - 2 * directory.bytes < 0.4 * (whole.bytes - 2 * directory.bytes), `${group.bytes} bytes read for the last of three row groups, ${whole.bytes} for all`);
  });

  test('reads of an Arrow file the batches that are asked for', async () => {
    const reads = await readsOf(async () => {
      const source = await openSource('fixtures/data/fmnist-evaluation.arrow');
      for await (const block of blocks(source, { size: 50, limit: 100 })) assert.is(block.rows, 50);
    });
    assert.ok(reads.bytes < 150_000, `${reads.bytes} bytes read for 100 of 2000 samples, the file has about 1 MB`);
  });
});
