import { link, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { QuantSim, readModelFile } from '../../pipeline/index.ts';
import { quantpipe } from '../support/cli.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';
import * as wire from '../support/wire.ts';
import { bytes, config, samples } from './bad-input-cases.ts';

/** x [N, 4] → MatMul(w) → y, where w lies beside it in a file called as an export's would be. */
const external = wire.model(wire.graph(
  wire.node('MatMul', ['x', 'w'], ['y']), wire.initializer('w', [4, 3], 1, wire.externalData({ location: 'model.onnx.data' })), wire.input('x'), wire.output('y'),
));
const weights = new Uint8Array(Float32Array.from({ length: 12 }, (_, i) => i - 5).buffer);
const inputs = {
  'm.onnx': bytes, 'lab.arrow': samples, 'large/m.onnx': external, 'large/model.onnx.data': weights, 'empty.json': '{}', 'config.json': JSON.stringify(config({})),
  'd/model.onnx': bytes, 'd/statistics.arrow': samples, 'p.json': '{"scale": 2}', 's.arrow.checkpoint': bytes,
};

/** A command that would write where it reads, and the file it would write. */
const cases: readonly (readonly [title: string, args: readonly string[], output: RegExp])[] = [
  ['run: the model and the data in the output folder', ['run', 'd/model.onnx', 'd/statistics.arrow', '-o', 'd'], /'d\/model\.onnx' is an input/],
  ['run: data in the output folder', ['run', 'm.onnx', 'd/statistics.arrow', '-o', 'd'], /'d\/statistics\.arrow' is an input/],
  ['run: a folder of data is the output folder', ['run', 'm.onnx', 'd', '-o', 'd'], /'d\/statistics\.arrow' is an input/],
  ['run: weights outside the model', ['run', 'large/m.onnx', 'lab.arrow', '-o', 'large'], /'large\/model\.onnx\.data' is the input/],
  ['run: metrics over the overrides', ['run', 'm.onnx', 'lab.arrow', '-o', 'out', '--override', 'empty.json', '--metrics', 'empty.json'], /'empty\.json' is an input/],
  ['run: metrics over the configuration', ['run', 'm.onnx', 'lab.arrow', '-o', 'out', '--config', 'config.json', '--metrics', 'config.json'], /'config\.json' is an input/],
  ['run: metrics over the preprocessing', ['run', 'm.onnx', 'lab.arrow', '-o', 'out', '--preprocess', 'p.json', '--metrics', 'p.json'], /'p\.json' is an input/],
  ['run: a link to the model', ['run', 'm.onnx', 'lab.arrow', '-o', 'linked'], /'linked\/model\.onnx' is the input 'm\.onnx'/],
  ['observe: the data', ['observe', 'm.onnx', 'lab.arrow', '-o', 'lab.arrow'], /'lab\.arrow' is an input/],
  ['observe: the data by another path', ['observe', 'm.onnx', 'lab.arrow', '-o', 'd/../lab.arrow'], /'d\/\.\.\/lab\.arrow' is the input 'lab\.arrow'/],
  ['observe: a hard link to the data', ['observe', 'm.onnx', 'lab.arrow', '-o', 'linked/hard.arrow'], /'linked\/hard\.arrow' is the input 'lab\.arrow'/],
  ['observe: its checkpoint is the model', ['observe', 's.arrow.checkpoint', 'lab.arrow', '-o', 's.arrow'], /'s\.arrow\.checkpoint' is an input/],
  ['observe: metrics over the statistics', ['observe', 'm.onnx', 'lab.arrow', '-o', 'new.arrow', '--metrics', 'd/../new.arrow'], /'d\/\.\.\/new\.arrow' is to hold two different outputs/],
  ['run: metrics over the checkpoint', ['run', 'm.onnx', 'lab.arrow', '-o', 'out', '--metrics', 'out/checkpoint.arrow'], /'out\/checkpoint\.arrow' is to hold two different outputs/],
  ['merge', ['merge', 'lab.arrow', 'd/statistics.arrow', '-o', 'd/statistics.arrow'], /'d\/statistics\.arrow' is an input/],
  ['encode: the statistics in the output folder', ['encode', 'm.onnx', 'd/statistics.arrow', '-o', 'd'], /'d\/statistics\.arrow' is an input/],
];

suite('end-to-end/overwriting', test => {
  for (const [title, args, output] of cases) {
    test(`${title}: refused before any work, and every file stays as it was`, () => inFolder(async folder => {
      await layOut(folder);
      const before = (await readdir(folder, { recursive: true })).sort();
      const { code, stdout, stderr } = await quantpipe([...args], { cwd: folder });
      assert.equal([code, stdout], [1, ''], stderr);
      assert.match(stderr, output);
      assert.equal((await readdir(folder, { recursive: true })).sort(), before);
      for (const [name, content] of Object.entries(inputs)) assert.ok((await readFile(join(folder, name))).equals(Buffer.from(content)), name);
    }));
  }

  test('a simulation in code refuses too, and knows encodings that were loaded', () => inFolder(async folder => {
    await layOut(folder);
    const first = await QuantSim.open(join(folder, 'm.onnx'));
    for await (const _ of first.calibrate(join(folder, 'lab.arrow'))) { /* to the end */ }
    await first.export(join(folder, 'out'));
    const second = await QuantSim.open(join(folder, 'm.onnx'));
    await second.loadEncodings(join(folder, 'out/encodings.json'));
    assert.match(await messageOf(second.export(join(folder, 'out'))), /encodings\.json' is an input/);
    const third = await QuantSim.open(await readModelFile(join(folder, 'd/model.onnx')));
    const checkpoint = { path: join(folder, 'lab.arrow'), resume: false };
    assert.match(await messageOf(third.calibrate(join(folder, 'lab.arrow'), { checkpoint }).next()), /lab\.arrow' is an input/);
  }));
});

async function layOut(folder: string): Promise<void> {
  for (const name of ['large', 'd', 'linked']) await mkdir(join(folder, name));
  for (const [name, content] of Object.entries(inputs)) await writeFile(join(folder, name), content);
  await symlink('../m.onnx', join(folder, 'linked/model.onnx'));
  await link(join(folder, 'lab.arrow'), join(folder, 'linked/hard.arrow'));
}

async function messageOf(work: Promise<unknown>): Promise<string> {
  return work.then(() => 'nothing was thrown', (error: Error) => error.message);
}
