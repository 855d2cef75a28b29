import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { openSink } from '../../pipeline/calibrate/discard.ts';
import { Journal } from '../../pipeline/calibrate/journal.ts';
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

  test('the model is loaded before a block begins that was under way when a process ended: an end while it loads is not put down to the block', () => inFolder(async folder => {
    const [path, notes] = [join(folder, 'journal'), join(folder, 'notes')];
    await writeFile(path, 'of it\nbegin 0\nbegin 1\n');
    const journal = await Journal.open(path, 0, 'it');
    const setup = { model: new Uint8Array(0), folder: null, taps: [path, notes], engine: 'web' as const, inputs: [], bindings: [] };
    const work = new Work(setup, journal, { workers: 1, worker: new URL('./workers/witness.js', import.meta.url), discard: await openSink() });
    try {
      for (const index of [0, 1, 2]) await work.observe({ index, rows: 1, bad: [], bytes: new ArrayBuffer(8) });
    } finally {
      await work.close();
      journal.close();
    }
    const lost = 'lost 0 1, lost 1 1', [first, second, third] = [0, 1, 2].map(block => `begin ${block}`);
    assert.equal((await readFile(notes, 'utf8')).trimEnd().split('\n'), [
      `load: of it, ${lost}`, `observe: of it, ${lost}, ${first}`, `observe: of it, ${lost}, ${first}, done 0, ${second}`, `observe: of it, ${lost}, ${first}, done 0, ${second}, done 1, ${third}`,
    ]);
  }));
});
