import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { observeBlock, type Outcome } from '../../pipeline/calibrate/attempts.ts';
import { Pool } from '../../pipeline/calibrate/pool.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const poisoned = new URL('./workers/poisoned.js', import.meta.url);

/** What comes of this block, in a pool whose workers keep what they remember in `folder`. */
async function outcomeOf(index: number, folder: string, timeoutMs = Infinity): Promise<Outcome> {
  return (await outcomesOf([index], folder, timeoutMs))[0]!;
}

/** The same of blocks that one thread is given at the same time. */
async function outcomesOf(indices: readonly number[], folder: string, timeoutMs = Infinity): Promise<Outcome[]> {
  const setup = { model: new Uint8Array(0), folder: null, taps: [join(folder, 'mark')], engine: 'web' as const, inputs: [], bindings: [] };
  const pool = new Pool({ observing: setup }, 1, poisoned);
  try {
    return await Promise.all(indices.map(async index => await observeBlock(pool, { index, rows: 1, bytes: new ArrayBuffer(8), bad: [] }, { timeoutMs, attempts: 3, limits: null }) as Outcome));
  } finally {
    await pool.close();
  }
}

suite('calibrate/attempts', test => {
  test('a block that is observed is observed', () => inFolder(async folder => {
    assert.equal(await outcomeOf(0, folder), { index: 0, bad: [], kind: 'observed', observed: { samples: 1, tensors: [] } });
  }));

  test('a block whose thread dies once is observed by another, once', () => inFolder(async folder => {
    assert.equal(await outcomeOf(2, folder), { index: 2, bad: [], kind: 'observed', observed: { samples: 1, tensors: [] } });
  }));

  for (const [index, code, says, timeout] of [
    [1, 'worker-lost', /a worker thread died: .* \(3 times\)$/, Infinity],
    [3, 'worker-lost', /a worker thread hung: it gave no answer in 0\.3 s \(3 times\)$/, 300],
    [4, 'engine-failed', /^block 4$/, Infinity],
  ] as const) {
    test(`block ${index} is set aside, with its reason`, () => inFolder(async folder => {
      const outcome = await outcomeOf(index, folder, timeout);
      assert.is(outcome.kind, 'set-aside');
      const { error } = outcome as Extract<Outcome, { kind: 'set-aside' }>;
      assert.is(error.code, code);
      assert.match(error.message, says);
    }));
  }

  for (const [fault, index, timeout] of [['takes its thread down', 1, Infinity], ['hangs', 3, 300]] as const) {
    test(`a block that waits in a thread behind one that ${fault} is observed, however often that happens`, () => inFolder(async folder => {
      const outcomes = await outcomesOf([index, 0], folder, timeout);
      assert.equal(outcomes.map(({ kind }) => kind), ['set-aside', 'observed']);
    }));
  }

  test('a bug, and a thread that cannot start, are thrown', () => inFolder(async folder => {
    const bug = await outcomeOf(5, folder).catch((error: unknown) => error);
    assert.ok(bug instanceof Error && !(bug instanceof QuantpipeError), String(bug));
    const start = await outcomeOf(6, folder).catch((error: unknown) => error);
    assert.is((start as QuantpipeError).code, 'engine-failed');
  }));
});
