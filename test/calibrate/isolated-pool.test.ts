import * as assert from 'uvu/assert';

import { IsolatedPool } from '../../pipeline/calibrate/isolated-pool.ts';
import type { Observed, Reply } from '../../pipeline/calibrate/protocol.ts';
import type { EngineName } from '../../pipeline/engine/index.ts';
import { suite } from '../support/suite.ts';

const worker = new URL('./workers/ending.js', import.meta.url);

async function withPool(engine: EngineName, body: (observe: (index: number, timeoutMs?: number) => Promise<string>) => Promise<void>): Promise<void> {
  const pool = new IsolatedPool({ model: new Uint8Array(new SharedArrayBuffer(4)), folder: null, taps: [], engine, inputs: [], bindings: [] }, { threads: 2, worker, isFrugal: false });
  const said = (reply: Reply<Observed>) => reply.ok ? `observed in ${reply.value.samples}` : reply.stage;
  try {
    await body((index, timeoutMs) => pool.observe({ kind: 'observe', index, bytes: new ArrayBuffer(0), limits: null }, timeoutMs).then(said, (error: Error) => error.message));
  } finally {
    await pool.close();
  }
}

suite('calibrate/isolated-pool', test => {
  test('where its process ends at several blocks, none is taken for the cause; at one, that one is', () => withPool('web', async observe => {
    const before = await observe(0);
    assert.equal(await Promise.all([observe(1), observe(2)]), ['room', 'room']);
    assert.is(await observe(1), 'a process that ran nothing but this batch ended: SIGKILL');
    assert.is.not(await observe(0), before);
  }));

  test('a thread that hangs in the native engine is ended with its process, and the others beside it have their turn again', () => withPool('native', async observe => {
    const before = await observe(0);
    assert.equal(await Promise.all([observe(3, 300), observe(2)]), ['a worker thread hung: it gave no answer in 0.3 s', 'waiting']);
    assert.is.not(await observe(0), before);
  }));

  test('a thread that hangs in the web engine is ended alone: its process goes on', () => withPool('web', async observe => {
    const before = await observe(0);
    assert.is(await observe(3, 300), 'a worker thread hung: it gave no answer in 0.3 s');
    assert.is(await observe(0), before);
  }));
});
