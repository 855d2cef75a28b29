import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import * as assert from 'uvu/assert';

import { openSink } from '../../pipeline/calibrate/discard.ts';
import { suite } from '../support/suite.ts';

const MEBI = 1 << 20;

suite('calibrate/discard', test => {
  test('memory is given back before the garbage collector runs', async () => {
    const discard = await openSink();
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 500; i++) {
      const values = new Float32Array(MEBI).fill(1);
      discard(values);
      assert.is(values.length, 0);
    }
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 16 * MEBI, `${grown} bytes of 500 × ${4 * MEBI} are still held`);
  });

  const title = 'memory that is kept is written to again without a fresh page';
  const { glibcVersionRuntime } = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header;
  if (glibcVersionRuntime === undefined) test.skip(title, 'other allocators than glibc have their own way');
  else test(title, async () => {
    const handedOn = await freshPages(false), kept = await freshPages(true);
    assert.ok(kept < 0.1, `${kept} of the pages are fresh`);
    assert.ok(handedOn > 0.2, `${handedOn} of the pages are fresh where nothing is kept: then there is nothing to keep`);
  });
});

const PAGE = 4096;

/** The share of pages that are fresh when 400 MiB are written to again, in a thread that only does this. */
async function freshPages(isKept: boolean): Promise<number> {
  const sizes = Array.from({ length: 40 }, (_, i) => (1 + (i * 7) % 20) * MEBI), rounds = 4;
  const worker = new Worker(new URL('./discard-thread.js', import.meta.url), { workerData: { sizes, rounds, isKept } });
  const [{ faults }] = await once(worker, 'message') as [{ readonly faults: number }];
  return faults * PAGE / (rounds * sizes.reduce((sum, size) => sum + size, 0));
}
