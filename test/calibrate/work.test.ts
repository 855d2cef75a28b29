import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import type { Outcome } from '../../pipeline/calibrate/attempts.ts';
import { openSink } from '../../pipeline/calibrate/discard.ts';
import { Journal } from '../../pipeline/calibrate/journal.ts';
import { Work, type WorkOptions } from '../../pipeline/calibrate/work.ts';
import { byteSize } from '../../pipeline/base/byte-size.ts';
import { memoryLimit } from '../../pipeline/base/memory-limit.ts';
import type { RunLimits } from '../../pipeline/calibrate/protocol.ts';
import type { Block } from '../../pipeline/data/index.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const worker = new URL('./workers/poisoned.js', import.meta.url);

async function* given(...blocks: Block[]): AsyncGenerator<Block> {
  yield* blocks;
}

suite('calibrate/work', test => {
  test('where no samples can be run, no memory limit is held, and that is told', async () => {
    const work = new Work({ model: new Uint8Array(0), folder: null, taps: [], engine: 'web', inputs: [], bindings: [] }, null, { workers: 1, memory: 2 ** 30, worker, discard: await openSink() });
    const warnings: string[] = [];
    try {
      assert.is(await work.fit(given({ index: 0, rows: 0, bad: [{ sample: 0, reason: 'torn' }], bytes: new ArrayBuffer(0) }), { block: 1, together: 1, warnings }), null);
    } finally {
      await work.close();
    }
    assert.equal(warnings, ['the first samples could not be run, so what a run takes is not known, and memory is not held below 1.0 GiB']);
  });

  test('of an empty shard nothing is measured, and nothing is to be told', async () => {
    const work = new Work({ model: new Uint8Array(0), folder: null, taps: [], engine: 'web', inputs: [], bindings: [] }, null, { workers: 1, worker, discard: await openSink() });
    const warnings: string[] = [];
    assert.is(await work.fit(given(), { block: 1, together: 1, warnings }), null);
    await work.close();
    assert.equal(warnings, []);
  });

  test('what a run takes is measured with the first block that can be run, and later ones are not asked for', () => inFolder(async folder => {
    await writeFile(join(folder, 'journal'), 'of it\nbegin 1\n');
    const journal = await Journal.open(join(folder, 'journal'), 0, 'it');
    const setup = { model: new Uint8Array(0), folder: null, taps: [join(folder, 'notes')], engine: 'web' as const, inputs: [], bindings: [] };
    const work = new Work(setup, journal, { workers: 1, memory: 2 ** 30, worker: new URL('./workers/measured.js', import.meta.url), discard: await openSink() });
    const asked: number[] = [], warnings: string[] = [];
    // one without samples, one that was under way when a process ended, one that the engine refuses (2 bytes), and two that run
    const sizes = [0, 8, 2, 16, 16];
    async function* first() {
      for (const [index, size] of sizes.entries()) {
        asked.push(index);
        yield { index, rows: size === 0 ? 0 : 1, bad: [], bytes: new ArrayBuffer(size) };
      }
    }
    try {
      assert.is.not(await work.fit(first(), { block: 1, together: 1, warnings }), null);
    } finally {
      await work.close();
      journal.close();
    }
    assert.equal([asked, warnings], [[0, 1, 2, 3], []]);
    assert.is(await readFile(join(folder, 'notes'), 'utf8'), 'measure 2\nmeasure 16\n');
  }));

  test('what the machine has is shared with the processes beside it, unless the memory is said', () => inFolder(async folder => {
    const setup = { model: new Uint8Array(0), folder: null, taps: [join(folder, 'notes')], engine: 'web' as const, inputs: [], bindings: [] };
    const warnings: string[] = [];
    const budget = async (options: Pick<WorkOptions, 'memory' | 'beside'>) => {
      const work = new Work(setup, null, { workers: 1, worker: new URL('./workers/measured.js', import.meta.url), discard: await openSink(), ...options });
      try {
        return (await work.fit(given({ index: 0, rows: 1, bad: [], bytes: new ArrayBuffer(16) }), { block: 1, together: 1, warnings }))!.budgetBytes;
      } finally {
        await work.close();
      }
    };
    const alone = await budget({});
    assert.is(await budget({ beside: 2 }), Math.floor(0.7 * memoryLimit() / 2));
    assert.ok(Math.abs(alone - 2 * await budget({ beside: 2 })) <= 2, `${alone}`);
    assert.is(await budget({ beside: 2, memory: 2 ** 30 }), 2 ** 30);
    assert.equal(warnings, []);
    assert.is(await budget({ memory: 2 ** 50 }), 2 ** 50);
    assert.equal(warnings, [`1024.0 TiB of memory may be used, and the machine or its container has ${byteSize(memoryLimit())}`]);
  }));

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

  test('blocks that were under way when a process ended are tried in a process of their own, three times; the others in this one', () => inFolder(async folder => {
    const [path, notes] = [join(folder, 'journal'), join(folder, 'notes')];
    await writeFile(path, 'of it\nbegin 0\nbegin 1\nbegin 2\n');
    const journal = await Journal.open(path, 0, 'it');
    const setup = { model: new Uint8Array(new SharedArrayBuffer(4)), folder: null, taps: [notes], engine: 'web' as const, inputs: [], bindings: [] };
    const work = new Work(setup, journal, { workers: 1, worker: new URL('./workers/witness.js', import.meta.url), discard: await openSink() });
    const outcomes: Outcome[] = [], limits: number[] = [];
    try {
      for (const index of [0, 1, 2, 3]) {
        limits.push(work.limit(index));
        outcomes.push(await work.observe({ index, rows: 1, bad: [], bytes: new ArrayBuffer(8) }));
      }
    } finally {
      await work.close();
      journal.close();
    }
    assert.equal(outcomes.map(({ kind }) => kind), ['observed', 'set-aside', 'observed', 'observed']);
    assert.is((outcomes[1] as { error?: Error }).error!.message, 'a process that ran nothing but this batch ended: SIGKILL (3 times)');
    const tried = (await readFile(notes, 'utf8')).trimEnd().split('\n').map(line => line.split(' ').map(Number));
    assert.equal(tried.map(([block]) => block), [0, 1, 1, 1, 2, 3]);
    assert.is(new Set(tried.map(([, process]) => process)).size, 5, 'the first serves 0 and 1, each further 1 has one, 2 has one, and 3 this one');
    assert.equal(tried.map(([, pid]) => pid === process.pid), [false, false, false, false, false, true]);
    assert.equal(limits.map(limit => limit === 1), [true, true, true, false], 'they run alone');
    assert.is(await readFile(path, 'utf8'), 'of it\nbegin 0\nbegin 1\nbegin 2\ndone 0\ndone 1\ndone 2\nbegin 3\ndone 3\n');
  }));

  test('a block for which there is no room is observed alone in a frugal process; what it shows counts from then on, and where memory is scarce the others follow', () => inFolder(async folder => {
    const notes = join(folder, 'notes'), MiB = 2 ** 20;
    const setup = { model: new Uint8Array(new SharedArrayBuffer(4)), folder: null, taps: [notes], engine: 'web' as const, inputs: [], bindings: [] };
    const work = new Work(setup, null, { workers: 2, memory: 2 ** 30, worker: new URL('./workers/roomless.js', import.meta.url), discard: await openSink() });
    const block = (index: number) => ({ index, rows: 1, bad: [], bytes: new ArrayBuffer(16) });
    try {
      await work.fit(given(block(0)), { block: 1, together: 1, warnings: [] });
      for (const index of [0, 1, 2, 3, 4]) {
        assert.is((await work.observe(block(index))).kind, 'observed');
        assert.is(work.limit(index + 1), index < 3 ? 6 : 2, 'where memory is scarce no block waits');
      }
      assert.ok(work.peakBytes > 160 * MiB, `${work.peakBytes}`);
      if (process.platform === 'linux') assert.ok(work.apartBytes > 20 * MiB && work.apartBytes < work.peakBytes, `${work.apartBytes}`);
    } finally {
      await work.close();
    }
    assert.is(work.apartBytes, 0);
    const tried = (await readFile(notes, 'utf8')).trimEnd().split('\n').map(line => JSON.parse(line) as RunLimits & { index: number; pid: number; threshold: string | null });
    const frugal = String(MiB);
    assert.equal(tried.map(({ index, isAlone = false, threshold }) => [index, isAlone, threshold]), [[0, false, null], [1, false, null], [1, true, frugal], [2, false, null], [3, false, null], [3, true, frugal], [4, false, frugal]]);
    assert.equal(tried.map(({ pid }) => pid === process.pid), [true, true, false, true, true, false, false]);
    const [first, second, alone, last] = [0, 3, 5, 6].map((i): RunLimits => tried[i]!) as [RunLimits, RunLimits, RunLimits, RunLimits];
    assert.equal([first.known.elements, first.running], [1, 0]);
    assert.equal([second.known, second.running, second.bytes], [{ elements: 100, sample: 100, taps: [200] }, 3, first.bytes]);
    assert.equal([last.known, last.running], [{ elements: 1000, sample: 1000, taps: [2000] }, MiB]);
    assert.ok(alone.bytes > 2 * last.bytes, `alone ${alone.bytes}, one of two ${last.bytes}`);
  }));
});
