import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { Metrics } from '../../cli/metrics.ts';
import { byteCount } from '../../cli/option-values.ts';
import { quantpipe } from '../support/cli.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const job = ['observe', 'fixtures/models/fmnist-cnn.onnx', 'fixtures/data/fmnist-calibration.arrow', '--engine', 'native', '--limit', '96', '--workers', '1'];

suite('cli/metrics', test => {
  test('sizes are read with their units, and nothing else is', () => {
    assert.equal(['512MiB', '2GiB', '2GB', '1.5 GiB', '4g', '900000000', '64kb'].map(byteCount), [2 ** 29, 2 ** 31, 2e9, 1.5 * 2 ** 30, 2 ** 32, 9e8, 64e3]);
    for (const wrong of ['', 'x', '-1', '0', '2 bananas', '1e9x', 'MiB', '.5GiB']) assert.throws(() => byteCount(wrong), /expected a size such as/);
  });

  test('a run says its plan before it begins, and --metrics keeps it with the progress as JSON lines', () => inFolder(async folder => {
    const file = join(folder, 'metrics.jsonl');
    const { code, stderr } = await quantpipe([...job, '-o', join(folder, 's.arrow'), '--memory', '2GiB', '--metrics', file]);
    assert.is(code, 0, stderr);
    assert.match(stderr, /^1 worker, 64 samples in a run, all tensors at once: about [\d.]+ MiB of the 2\.0 GiB that may be used\n/);
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n').map(line => JSON.parse(line) as Record<string, unknown>);
    assert.equal([lines[0]!['event'], lines[1]!['event'], lines.at(-1)!['event']], ['plan', 'progress', 'done']);
    assert.equal(Object.keys(lines[0]!), ['event', 'seconds', 'budgetBytes', 'estimateBytes', 'workers', 'samplesPerRun', 'groups']);
    assert.equal(Object.keys(lines.at(-1)!), ['event', 'seconds', 'samples', 'resumed', 'total', 'batches', 'setAside', 'retries', 'samplesPerSecond', 'secondsLeft', 'memoryBytes']);
    const { samples, total, batches, retries, secondsLeft } = lines.at(-1)!;
    assert.equal([samples, total, batches, retries, secondsLeft], [96, 96, 2, 0, 0]);
  }));

  test('too little memory is an error that says the least that would do, and the last line of the metrics says so', () => inFolder(async folder => {
    const file = join(folder, 'metrics.jsonl');
    const { code, stderr } = await quantpipe([...job, '-o', join(folder, 's.arrow'), '--memory', '40MiB', '--metrics', file]);
    assert.is(code, 1);
    const [, least] = /40\.0 MiB of memory are too little: one worker with one tensor at a time needs ([\d.]+ MiB)/.exec(stderr) ?? [];
    assert.ok(least !== undefined, stderr);
    assert.is((await quantpipe([...job, '-o', join(folder, 's.arrow'), '--memory', least!])).code, 0, 'it would do');
    assert.match(await readFile(file, 'utf8'), /"event":"failed".*"code":"config-invalid"\}\n$/);
  }));

  test('metrics that cannot be written (a full disk) are told once, and the statistics are there all the same', () => inFolder(async folder => {
    const [with_, without] = [join(folder, 'with.arrow'), join(folder, 'without.arrow')];
    const { code, stderr } = await quantpipe([...job, '-o', with_, '--metrics', '/dev/full']);
    assert.is(code, 0, stderr);
    assert.is(stderr.match(/^warning: the metrics in \/dev\/full end here, and the work goes on without them: ENOSPC/gm)?.length, 1, stderr);
    assert.is((await quantpipe([...job, '-o', without])).code, 0);
    assert.is(Buffer.compare(await readFile(with_), await readFile(without)), 0);
  }));

  test('metrics that cannot be opened are an error before any work', () => inFolder(async folder => {
    const { code, stderr } = await quantpipe([...job, '-o', join(folder, 's.arrow'), '--metrics', folder]);
    assert.is(code, 1);
    assert.match(stderr, /^quantpipe: cannot write '\S+': it is a folder.* \[output-unwritable\]$/m);
    assert.equal(await readdir(folder), []);
  }));

  test('a run that resumes ends the line that the one before it was cut off in', () => inFolder(async folder => {
    const file = join(folder, 'metrics.jsonl'), metrics = (isResumed: boolean) => Metrics.open(file, () => {}, { isResumed });
    for (const [before, after] of [['{"event":"pro', '{"event":"pro\n'], ['{}\n', '{}\n'], ['', '']] as const) {
      await writeFile(file, before);
      metrics(true).end();
      const text = await readFile(file, 'utf8');
      assert.ok(text.startsWith(`${after}{"event":"done"`), text);
    }
  }));

  test('what no metrics can be written to is said', () => inFolder(async folder => {
    const said = (path: string) => { try { Metrics.open(path, () => {}); } catch (error) { return (error as Error).message; } };
    assert.equal([said('-'), said(join(folder, 'no', 'x'))], ["metrics are written to a file, and '-' is none: name one (/dev/stderr, too)", `cannot write ${join(folder, 'no', 'x')}: nothing can be made there`]);
  }));
});
