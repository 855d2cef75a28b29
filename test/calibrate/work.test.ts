import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { openSink } from '../../pipeline/calibrate/discard.ts';
import { Work } from '../../pipeline/calibrate/work.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const worker = new URL('./workers/poisoned.js', import.meta.url);

suite('calibrate/work', test => {
  test('where the first samples cannot be run, no memory limit is held, and that is told', async () => {
    const work = new Work({ model: new Uint8Array(0), folder: null, taps: [], engine: 'web', inputs: [], bindings: [] }, null, { workers: 1, memory: 2 ** 30, worker, discard: await openSink() });
    const warnings: string[] = [];
    try {
      assert.is(await work.fit({ index: 0, rows: 0, bad: [{ sample: 0, reason: 'torn' }], bytes: new ArrayBuffer(0) }, { block: 1, together: 1, warnings }), null);
    } finally {
      await work.close();
    }
    assert.equal(warnings, ['the first samples could not be run, so what a run takes is not known, and memory is not held below 1.0 GiB']);
  });

  for (const [index, kind] of [[7, 'observed'], [1, 'set-aside']] as const) {
    test(`block ${index}, which takes down ${index === 7 ? 'two threads' : 'every thread'}, is ${kind}: a third one tries`, () => inFolder(async folder => {
      const setup = { model: new Uint8Array(0), folder: null, taps: [join(folder, 'mark')], engine: 'web' as const, inputs: [], bindings: [] };
      const work = new Work(setup, null, { workers: 1, worker, discard: await openSink() });
      try {
        assert.is((await work.observe({ index, rows: 1, bad: [], bytes: new ArrayBuffer(8) })).kind, kind);
        assert.is(work.retries, 2);
      } finally {
        await work.close();
      }
    }));
  }
});
