import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { writeModel } from '../../pipeline/index.ts';
import { quantpipe } from '../support/cli.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { samplesFile } from '../support/samples.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

/** a [batch, 4] and b [batch, 3] → Concat → MatMul → y. */
function twoInputs(batch: number | string): Uint8Array {
  return writeModel(buildModel({
    inputs: { a: [batch, 4], b: [batch, 3] }, weights: { w: weight([7, 2]) }, outputs: { y: [batch, 2] },
    nodes: [{ op: 'Concat', in: ['a', 'b'], out: ['c'], attributes: { axis: { kind: 'int', value: 1n } } }, { op: 'MatMul', in: ['c', 'w'], out: ['y'] }],
  }));
}

/** An .npy file, version 1.0, little-endian float32, as NumPy's format description lays it out. */
function npy(shape: readonly number[], values: Float32Array): Buffer {
  const dict = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const header = dict.padEnd(117) + '\n'; // 10 bytes and this are 128
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), Buffer.from([header.length, 0]), Buffer.from(header), Buffer.from(values.buffer)]);
}

suite('end-to-end/data-forms', test => {
  test('a folder with an .npy for every model input is a folder of columns', () => inFolder(async folder => {
    await mkdir(join(folder, 'data'));
    await writeFile(join(folder, 'model.onnx'), twoInputs('N'));
    await writeFile(join(folder, 'data/a.npy'), npy([5, 4], floats(20)));
    await writeFile(join(folder, 'data/b.npy'), npy([5, 3], floats(15)));
    const { code, stdout, stderr } = await quantpipe(['run', 'model.onnx', 'data', '-o', 'out', '--json'], { cwd: folder });
    assert.is(code, 0, stderr);
    assert.is(JSON.parse(stdout).samples, 5);
  }));

  test('a pattern of .npy files is one column, whatever their names: of them all, or where they have none, arr_0', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), writeModel(buildModel({ inputs: { x: ['N', 4] }, weights: { w: weight([4, 2]) }, outputs: { y: ['N', 2] }, nodes: [{ op: 'MatMul', in: ['x', 'w'], out: ['y'] }] })));
    const values = floats(32);
    await writeFile(join(folder, 'whole.npy'), npy([8, 4], values));
    for (const [name, begin, end] of [['one/p', 0, 3], ['one/q', 3, 8], ['two-a/x', 0, 3], ['two-b/x', 3, 8]] as const) {
      await mkdir(join(folder, name, '..'), { recursive: true });
      await writeFile(join(folder, `${name}.npy`), npy([end - begin, 4], values.slice(begin * 4, end * 4)));
    }
    const observed = async (data: string, ...rest: string[]) => {
      const { code, stderr } = await quantpipe(['observe', 'model.onnx', data, '-o', 's.arrow', '--quiet', '--batch-size', '1', ...rest], { cwd: folder });
      return code === 0 ? readFile(join(folder, 's.arrow'), 'latin1') : stderr;
    };
    const expected = await observed('whole.npy');
    assert.is(await observed('one/*.npy'), expected);
    assert.is(await observed('one/*.npy', '--input', 'x=arr_0'), expected);
    assert.is(await observed('two-*/*.npy', '--input', 'x=x'), expected);
    assert.match(await observed('one/*.npy', '--input', 'x=p'), /'p'[^]*'arr_0'/);
  }));

  test('a model that reads a fixed number of samples at a time gets them, and what is left over is told', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), twoInputs(4));
    await writeFile(join(folder, 'data.arrow'), samplesFile({ a: { size: 4, values: floats(4 * 70) }, b: { size: 3, values: floats(3 * 70) } }, 70));
    const run = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out', '--json'], { cwd: folder });
    assert.is(run.code, 0, run.stderr);
    assert.is(JSON.parse(run.stdout).samples, 68);
    assert.match(run.stderr, /warning: the last 2 samples were left out: the model reads 4 at a time/);
    const evaluated = await quantpipe(['evaluate', 'model.onnx', 'data.arrow', '--encodings', 'out/encodings.json'], { cwd: folder });
    assert.is(evaluated.code, 0, evaluated.stderr);
    assert.match(evaluated.stdout, /^68 samples/);
    assert.match(evaluated.stderr, /the last 2 samples were left out/);
    assert.match(evaluated.stderr, /^evaluating \d+\/70 samples · [\d.]+\/s · .* left · [\d.]+ MiB$/m);
    const quiet = await quantpipe(['evaluate', 'model.onnx', 'data.arrow', '--encodings', 'out/encodings.json', '--quiet'], { cwd: folder });
    assert.is(quiet.stdout, evaluated.stdout);
    assert.not.match(quiet.stderr, /evaluating/);
    const odd = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out', '--batch-size', '6'], { cwd: folder });
    assert.is(odd.code, 1);
    assert.match(odd.stderr, /a batch size of 6 is no multiple of the 4 samples/);
  }));

  test('what an earlier run left in the folder does not stay beside files that it does not belong to', () => inFolder(async folder => {
    const { QuantSim } = await import('../../pipeline/index.ts');
    await writeFile(join(folder, 'model.onnx'), twoInputs('N'));
    await writeFile(join(folder, 'data.arrow'), samplesFile({ a: { size: 4, values: floats(40) }, b: { size: 3, values: floats(30) } }, 10));
    assert.is((await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out'], { cwd: folder })).code, 0);
    assert.ok((await readdir(join(folder, 'out'))).includes('statistics.arrow'));
    const sim = await QuantSim.open(join(folder, 'model.onnx'));
    await copyFile(join(folder, 'out/encodings.json'), join(folder, 'encodings.json')); // what is read is never written over
    await sim.loadEncodings(join(folder, 'encodings.json'));
    assert.equal(sim.quality, []);
    await sim.export(join(folder, 'out'));
    assert.not.ok((await readdir(join(folder, 'out'))).includes('statistics.arrow'));
  }));
});
