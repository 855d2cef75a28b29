import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { openSink } from '../../pipeline/calibrate/discard.ts';
import { Work } from '../../pipeline/calibrate/work.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const worker = new URL('./workers/poisoned.js', import.meta.url);

suite('calibrate/work', test => {
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
