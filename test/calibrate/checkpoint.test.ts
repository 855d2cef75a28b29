import { copyFile, mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type RecordBatch, RecordBatchStreamWriter } from 'apache-arrow';
import fc from 'fast-check';
import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { observe, type CalibrateOptions } from '../../pipeline/calibrate/calibrate.ts';
import { openSource, type Source } from '../../pipeline/data/index.ts';
import { writeStatistics } from '../../pipeline/data/statistics-file.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';
import { backwards, fashionPlan, firstLine, IMAGES, observed } from './plans.ts';

/** Takes its process down at block 4. */
const lethal = new URL('./workers/lethal.js', import.meta.url);
const plan = await fashionPlan();
const settings = { limit: 60, batchSize: 4, engine: 'native', workers: 1 } as const;
const whole = writeStatistics((await observed(plan, IMAGES, settings)).statistics);

/** Observe until so many blocks are done, then stop as a reader of a generator stops. */
async function some(blocks: number, options: CalibrateOptions, source?: Source): Promise<void> {
  let done = 0;
  for await (const progress of observe(plan, source ?? await openSource(IMAGES), options)) {
    void progress;
    if (++done === blocks) return;
  }
}

async function failure(options: CalibrateOptions, source?: Source): Promise<QuantpipeError> {
  const error = await observed(plan, source ?? IMAGES, options).then(() => null, (error: unknown) => error);
  assert.instance(error, QuantpipeError);
  return error as QuantpipeError;
}

const keeping = (folder: string, resume = false) => ({ ...settings, checkpoint: { path: join(folder, 'c.arrow'), resume, everySeconds: 0 } });

suite('calibrate/checkpoint', test => {
  test('stopped anywhere, any number of times, and resumed: the same bytes', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 }), stops => inFolder(async folder => {
      for (const blocks of stops) await some(blocks, keeping(folder, true));
      const { statistics, progress } = await observed(plan, IMAGES, keeping(folder, true));
      assert.is(Buffer.compare(writeStatistics(statistics), whole), 0, `stops after ${stops}`);
      assert.ok(progress.length < 15, 'what was done is not done again');
    })), { seed: 1, numRuns: 4 });
  });

  test('data that come once, as a stream, are resumed too, and refused where what was observed of them differs, wherever that is, or is not there', () => inFolder(async folder => {
    /** The images one by one, that at `other` black, without a file to look at. */
    const stream = async (count = 60, other = -1): Promise<Source> => {
      const stored = await openSource(IMAGES);
      const batches: RecordBatch[] = [];
      for await (const batch of stored.batches()) batches.push(batch);
      const bytes = (async function* () {
        const writer = new RecordBatchStreamWriter();
        for (const batch of batches.flatMap(batch => Array.from({ length: batch.numRows }, (_, row) => batch.slice(row, row + 1))).slice(0, count)) writer.write(batch);
        yield writer.finish().toUint8Array(true);
      })();
      const source = await openSource('-', { stdin: bytes });
      if (other < 0) return source;
      return { ...source, async *batches() {
        let row = 0;
        for await (const batch of source.batches()) {
          if (row++ === other) (batch.getChild('input')!.data[0]!.children[0]!.values as Uint8Array).fill(0);
          yield batch;
        }
      } };
    };
    const options = { ...keeping(folder, true), batchSize: 4 };
    for (let stops = 0; stops < 2; stops++) await some(4, options, await stream());
    for (const other of [0, 5, 27]) {
      const error = await failure(options, await stream(60, other));
      assert.equal([error.code, error.message], ['checkpoint-mismatch', 'the checkpoint is of other work: the samples before those that are left differ from what was read then']);
    }
    assert.is((await failure(options, await stream(20))).code, 'checkpoint-mismatch');
    const { statistics, progress } = await observed(plan, await stream(), options);
    assert.is(Buffer.compare(writeStatistics(statistics), whole), 0);
    assert.is(progress.length, 7, 'what was done is not done again');
  }));

  test('whoever stops watching loses nothing, however seldom checkpoints are written', () => inFolder(async folder => {
    const options = { ...settings, checkpoint: { path: join(folder, 'c.arrow'), resume: true, everySeconds: 1000 } };
    await some(5, options);
    const { progress } = await observed(plan, IMAGES, options);
    assert.equal([progress[0]!.resumed, progress[0]!.samples], [20, 24]);
  }));

  test('without resume it begins anew', () => inFolder(async folder => {
    await some(5, keeping(folder));
    const { progress } = await observed(plan, IMAGES, keeping(folder));
    assert.is(progress[0]!.samples, 4);
  }));

  test('an aborted run says where its samples are kept', () => inFolder(async folder => {
    const controller = new AbortController();
    const reason = new QuantpipeError('interrupted', 'stopped');
    const running = observe(plan, await openSource(IMAGES), { ...keeping(folder), signal: controller.signal });
    await running.next();
    controller.abort(reason);
    const error = await (async () => { for await (const progress of running) void progress; })().catch((error: unknown) => error) as QuantpipeError;
    assert.is(error.code, 'interrupted');
    assert.match(error.message, /^stopped after \d+ of 60 samples; they are kept in '.*c\.arrow'/);
    const { statistics } = await observed(plan, IMAGES, keeping(folder, true));
    assert.is(Buffer.compare(writeStatistics(statistics), whole), 0);
  }));

  test('refuses the checkpoint of other work, and says what differs', () => inFolder(async folder => {
    await some(3, keeping(folder));
    const source = await openSource(IMAGES);
    for (const [change, other, says] of [
      [{ batchSize: 5 }, source, /the batch size differs: 4 then, 5 now/],
      [{ limit: 61 }, source, /the limit differs: 60 then, 61 now/],
      [{ engine: 'web' }, source, /the engine differs: native [\d.]+ then, web [\d.]+ now/],
      [{ shard: { index: 0, count: 2 } }, source, /the shard differs: none then, 0\/2 now/],
      [{ preprocess: { scale: 2 } }, source, /the reading of the columns differs/],
      [{}, { ...source, selection: '60 of 512, seed 1' }, /the choice of samples differs: all then, 60 of 512, seed 1 now/],
      [{ images: { channels: 'bgr' } }, source, /the reading of images differs/],
      [{}, { ...source, columns: [...source.columns, { ...source.columns[0]!, name: 'more' }] }, /the set of columns differs: .* then, .*more.* now/],
      [{}, { ...source, rows: 500 }, /the number of samples differs: 512 then, 500 now/],
      [{}, backwards(source, 4), /the content of the first samples differs: [0-9a-f]{12} then, [0-9a-f]{12} now/],
    ] as const) {
      const error = await failure({ ...keeping(folder, true), ...change } as CalibrateOptions, other);
      assert.is(error.code, 'checkpoint-mismatch');
      assert.match(error.message, says);
    }
    const model = await observed({ ...plan, hash: 'e'.repeat(64) }, source, keeping(folder, true)).catch((error: QuantpipeError) => error.message);
    assert.match(model as string, /the model differs: [0-9a-f]{12} then, eeeeeeeeeeee now/);
    const taps = await observed({ ...plan, taps: plan.taps.slice(1) }, source, keeping(folder, true)).catch((error: QuantpipeError) => error.message);
    assert.match(taps as string, /the set of observed tensors \(the configuration\) differs/);
  }));

  test('refuses to go on with data that were written to since, behind what was read first', () => inFolder(async folder => {
    const parts = join(folder, 'parts');
    await mkdir(parts);
    for (const name of ['1.arrow', '2.arrow']) await copyFile(IMAGES, join(parts, name));
    for (const [data, says] of [
      [join(parts, '2.arrow'), /the state of the data differs: \d+ bytes, written at .* then, \d+ bytes, written at 1970-01-01T00:00:01\.000Z now/],
      [parts, /the state of the data differs: 2 files, [0-9a-f]{12} of .* then, 2 files, [0-9a-f]{12} of .* now/],
    ] as const) {
      await utimes(join(parts, '2.arrow'), 2, 2);
      await some(3, keeping(folder), await openSource(data));
      await utimes(join(parts, '2.arrow'), 1, 1);
      assert.match((await failure(keeping(folder, true), await openSource(data))).message, says);
    }
  }));

  test('refuses what is damaged, and what is no checkpoint', () => inFolder(async folder => {
    const path = join(folder, 'c.arrow');
    await some(3, keeping(folder));
    const good = await readFile(path);
    const sum = good.indexOf('"sum": "') + 8;
    const damaged = Buffer.from(good);
    damaged[sum] = damaged[sum]! === 0x30 ? 0x31 : 0x30;
    const moved = Buffer.from(good.toString('latin1').replace('"next": 3', '"next": 7'), 'latin1');
    assert.not.equal(moved, good);
    for (const [bytes, says] of [[damaged, /does not have its checksum/], [moved, /does not have its checksum/], [good.subarray(0, 400), /c\.arrow/], [whole, /statistics file without a position/], [Buffer.from('x'), /c\.arrow/]] as const) {
      await writeFile(path, bytes);
      assert.match((await failure(keeping(folder, true))).message, says);
    }
  }));

  test('two runs on one checkpoint: the second is told who has it; a dead one leaves no lock that holds', () => inFolder(async folder => {
    const running = observe(plan, await openSource(IMAGES), keeping(folder));
    await running.next();
    const error = await failure(keeping(folder, true));
    assert.match(error.message, new RegExp(`process ${process.pid} on .* uses this checkpoint`));
    await running.return(undefined as never);
    await copyFile(join(folder, 'c.arrow'), join(folder, 'd.arrow'));
    const host = hostname();
    for (const left of [`4194303 ${host}`, `${process.pid} ${host}`, `${process.pid} ${host} 1`, `1 ${host} 0`]) { // the first is above what Linux numbers processes with by default; the others are numbers given anew
      await writeFile(join(folder, 'd.arrow.lock'), `${left}\n`);
      const { statistics } = await observed(plan, IMAGES, { ...settings, checkpoint: { path: join(folder, 'd.arrow'), resume: true } });
      assert.is(Buffer.compare(writeStatistics(statistics), whole), 0);
    }
    assert.not.ok((await readdir(folder)).some(name => name.endsWith('.lock')));
  }));

  test('a run that fails before anything was observed leaves nothing behind', () => inFolder(async folder => {
    await failure({ ...keeping(folder), inputs: { nothing: 'x' } });
    await failure(keeping(folder), { ...await openSource(IMAGES), async *batches() {} } as Source);
    assert.equal(await readdir(folder), []);
  }));

  test('a block that was under way when a process ended, and is not what ended it, counts', () => inFolder(async folder => {
    await some(2, keeping(folder));
    const journal = join(folder, 'c.arrow.journal');
    await writeFile(journal, `${firstLine(await readFile(journal, 'utf8'))}begin 2\nbegin 4\n`);
    const { setAside, statistics } = await observed(plan, IMAGES, keeping(folder, true));
    assert.equal(setAside, []);
    assert.is(Buffer.compare(writeStatistics(statistics), whole), 0);
  }));

  test('one that takes down its process is set aside, and named', () => inFolder(async folder => {
    await some(2, keeping(folder));
    const journal = join(folder, 'c.arrow.journal');
    const left = `${firstLine(await readFile(journal, 'utf8'))}begin 3\nbegin 4\n`;
    await writeFile(journal, left);
    assert.match((await failure({ ...keeping(folder, true), worker: lethal, maxBad: 0 })).message, /a process that ran nothing but this batch ended: SIGABRT \(3 times\)/);
    await writeFile(journal, left);
    const { setAside, warnings, statistics } = await observed(plan, IMAGES, { ...keeping(folder, true), worker: lethal });
    assert.equal(setAside.map(({ index }) => index), [4]);
    assert.is(statistics.samples, 56);
    assert.match(warnings[0]!, /^batch 4 \(samples 16 to 19, counted from 0\) was set aside: a process that ran nothing but this batch ended: SIGABRT \(3 times\)$/);
    const strict = await observed(plan, IMAGES, { ...keeping(folder), maxBad: 0 });
    assert.is(Buffer.compare(writeStatistics(strict.statistics), whole), 0, 'beginning anew forgets');
  }));
});
