import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordBatch } from 'apache-arrow';
import * as assert from 'uvu/assert';

import { mergeStatisticsFiles, openSource, QuantSim, type CalibrateOptions, type Source } from '../../pipeline/index.ts';
import { quantpipe } from '../support/cli.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const model = 'fixtures/models/fmnist-cnn.onnx';
const data = 'fixtures/data/fmnist-calibration.arrow';
const limit = 256;

/** Every file that a run writes, by name. */
async function filesOf(folder: string): Promise<Map<string, Buffer>> {
  const names = (await readdir(folder)).sort();
  return new Map(await Promise.all(names.map(async name => [name, await readFile(join(folder, name))] as const)));
}

async function run(source: Source | string, options: CalibrateOptions = {}): Promise<Map<string, Buffer>> {
  return inFolder(async folder => {
    const sim = await QuantSim.open(model);
    for await (const _ of sim.calibrate(source, { limit, engine: 'web', ...options })); // progress is not looked at
    await sim.export(folder);
    return filesOf(folder);
  });
}

function sameFiles(actual: Map<string, Buffer>, expected: Map<string, Buffer>): void {
  assert.equal([...actual.keys()], [...expected.keys()]);
  for (const [name, bytes] of expected) assert.ok(bytes.equals(actual.get(name)!), `${name} differs`);
}

/** The same batches, the last one first. */
async function reversed(path: string): Promise<Source> {
  const source = await openSource(path);
  const batches: RecordBatch[] = [];
  for await (const batch of source.batches()) batches.push(batch);
  return { ...source, rows: null, async *batches() { yield* batches.reverse(); } };
}

suite('end-to-end/laws', test => {
  test('one worker and two write the same bytes', async () => {
    const one = await run(data, { workers: 1 });
    assert.equal([...one.keys()], ['encodings.arrow', 'encodings.json', 'model.onnx', 'model.qdq.onnx', 'statistics.arrow']);
    sameFiles(await run(data, { workers: 2 }), one);
  });

  test('batches in another order give the same bytes', async () => {
    const all = { limit: Number.MAX_SAFE_INTEGER };
    sameFiles(await run(await reversed(data), all), await run(data, all));
  });

  test('observing in three shards, merging and encoding gives the bytes of one run', () => inFolder(async folder => {
    const whole = join(folder, 'whole');
    const settings = ['--limit', String(limit), '--engine', 'web', '--quiet'];
    const commands = [
      ['run', model, data, '-o', whole, ...settings],
      ...[0, 1, 2].map(i => ['observe', model, data, '-o', join(folder, `part${i}.arrow`), '--shard', `${i}/3`, ...settings]),
      ['merge', ...[2, 0, 1].map(i => join(folder, `part${i}.arrow`)), '-o', join(folder, 'merged.arrow'), '--quiet'],
      ['encode', model, join(folder, 'merged.arrow'), '-o', join(folder, 'parts'), '--quiet'],
    ];
    for (const command of commands) {
      const { code, stderr } = await quantpipe(command);
      assert.is(code, 0, `${command.join(' ')}: ${stderr}`);
    }
    sameFiles(await filesOf(join(folder, 'parts')), await filesOf(whole));
  }));

  test('observe reads an Arrow stream from standard input and writes one to standard output', () => inFolder(async folder => {
    const { tableFromIPC, tableToIPC } = await import('apache-arrow');
    await openSource(data); // registers the codec of the fixture
    const stream = tableToIPC(tableFromIPC(await readFile(data)), 'stream');
    const piped = await quantpipe(['observe', model, '-', '-o', '-', '--engine', 'web', '--quiet'], { stdin: stream });
    assert.is(piped.code, 0, piped.stderr);
    const direct = await quantpipe(['observe', model, data, '-o', join(folder, 'direct.arrow'), '--engine', 'web', '--quiet']);
    assert.is(direct.code, 0, direct.stderr);
    assert.ok(piped.bytes.equals(await readFile(join(folder, 'direct.arrow'))));
  }));

  test('statistics of another model do not merge', () => inFolder(async folder => {
    const parts = await Promise.all(['fmnist-cnn', 'fmnist-vit'].map(async name => {
      const path = join(folder, `${name}.arrow`);
      const { code, stderr } = await quantpipe(['observe', `fixtures/models/${name}.onnx`, data, '-o', path, '--limit', '8', '--quiet']);
      assert.is(code, 0, stderr);
      return path;
    }));
    const error = await mergeStatisticsFiles(parts).then(() => null, (error: Error) => error);
    assert.match(error?.message ?? '', /fmnist-vit\.arrow' does not add up with '.*fmnist-cnn\.arrow'/);
  }));
});
