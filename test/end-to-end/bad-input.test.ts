import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { writeModel, writeStatistics } from '../../pipeline/index.ts';
import { quantpipe } from '../support/cli.ts';
import { buildModel } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { samplesFile } from '../support/samples.ts';
import { node } from '../export/models.ts';
import { suite } from '../support/suite.ts';
import { filesIn, inFolder } from '../support/temporary.ts';
import * as wire from '../support/wire.ts';
import { bytes, cases, config, samples, small } from './bad-input-cases.ts';

suite('end-to-end/bad-input', test => {
  for (const { title, model = small, data = samples, files = {}, args = ['model.onnx', 'data.arrow', '-o', 'out'], says } of cases) {
    test(`${title}: exit code 1, one message, nothing written`, () => inFolder(async folder => {
      await writeFile(join(folder, 'model.onnx'), model instanceof Uint8Array ? model : writeModel(buildModel(model)));
      await writeFile(join(folder, 'data.arrow'), data);
      for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
      const { code, stdout, stderr } = await quantpipe(['run', ...args], { cwd: folder });
      assert.is(code, 1, stderr);
      assert.match(stderr, says);
      assert.is(stdout, '');
      assert.is(stderr.match(/^quantpipe: /gm)?.length, 1, `one message: ${stderr}`);
      assert.not.match(stderr, /\n\s+at /, 'no stack');
      if (files['out'] === undefined) assert.not.ok(existsSync(join(folder, 'out')), 'no folder is left behind');
      else assert.equal(await filesIn(join(folder, 'out')), ['in the way']);
    }));
  }

  test('a tensor that no batch reached: encode names it and writes nothing', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), bytes);
    await writeFile(join(folder, 'data.arrow'), samples);
    await writeFile(join(folder, 'inputs-only.json'), JSON.stringify(config({ op_type: { Gemm: { is_output_quantized: 'False' } }, model_input: { is_input_quantized: 'True' } })));
    const observed = await quantpipe(['observe', 'model.onnx', 'data.arrow', '-o', 's.arrow', '--config', 'inputs-only.json', '--quiet'], { cwd: folder });
    assert.is(observed.code, 0, observed.stderr);
    const { code, stderr } = await quantpipe(['encode', 'model.onnx', 's.arrow', '-o', 'out'], { cwd: folder });
    assert.is(code, 1, stderr);
    assert.match(stderr, /no batch reached tensor 'y'.*16 samples/);
    assert.equal(await filesIn(join(folder, 'out')), []);
  }));

  for (const [title, content, says] of [
    ['are no Arrow file', Buffer.from('not statistics'), /'s\.arrow' is not a valid Arrow file/],
    ['are calibration data instead', samples, /'s\.arrow' is an Arrow file, but none that observe or merge wrote/],
    ['are of another model', writeStatistics({ model: 'f'.repeat(64), samples: 1, shards: null, tensors: new Map() }), /the statistics are of another model/],
  ] as const) {
    test(`statistics that ${title}: exit code 1, one message, nothing written`, () => inFolder(async folder => {
      await writeFile(join(folder, 'model.onnx'), bytes);
      await writeFile(join(folder, 's.arrow'), content);
      const { code, stderr } = await quantpipe(['encode', 'model.onnx', 's.arrow', '-o', 'out'], { cwd: folder });
      assert.is(code, 1, stderr);
      assert.match(stderr, says);
      assert.equal(await filesIn(join(folder, 'out')), []);
    }));
  }

  test('data that never hold what is needed: named, and nothing is left behind', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), bytes);
    await writeFile(join(folder, 'data.arrow'), samplesFile({ x: { size: 4, values: new Float32Array(64).fill(NaN) } }, 16));
    const { code, stderr } = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out'], { cwd: folder });
    assert.is(code, 1, stderr);
    assert.match(stderr, /tensor 'x' has no encoding: it held 64 NaN and 0 infinite values, and no finite one,.*mend the model or the data/);
    assert.equal(await filesIn(join(folder, 'out')), []);
  }));

  test('--trace without encodings: told before the data are read', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), bytes);
    const { code, stderr } = await quantpipe(['evaluate', 'model.onnx', 'none.arrow', '--trace'], { cwd: folder });
    assert.is(code, 1, stderr);
    assert.match(stderr, /--trace compares simulation and exported model: name the encodings, --encodings FILE/);
  }));

  for (const [title, location, says] of [
    ['is not there', 'weights.bin', /'w'.*weights\.bin/],
    ['lies outside the folder of the model', '../weights.bin', /'w'.*\.\.\/weights\.bin/],
  ] as const) {
    test(`external data that ${title}: exit code 1, one message, nothing written`, () => inFolder(async folder => {
      await mkdir(join(folder, 'model'));
      await writeFile(join(folder, 'weights.bin'), new Uint8Array(48));
      await writeFile(join(folder, 'model/model.onnx'), withExternalWeight(location));
      await writeFile(join(folder, 'data.arrow'), samples);
      const { code, stderr } = await quantpipe(['run', 'model/model.onnx', 'data.arrow', '-o', 'out'], { cwd: folder });
      assert.is(code, 1, stderr);
      assert.match(stderr, says);
      assert.is(stderr.match(/^quantpipe: /gm)?.length, 1, stderr);
      assert.equal(await filesIn(join(folder, 'out')), []);
    }));
  }

  test('a weight that holds fewer bytes than its shape says: exit code 1, both numbers', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), writeModel(buildModel({ ...small, weights: { ...small.weights, w: { dtype: 'float32', dims: [4, 3], data: new Float32Array(11) } } })));
    await writeFile(join(folder, 'data.arrow'), samples);
    const { code, stderr } = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out'], { cwd: folder });
    assert.is(code, 1, stderr);
    assert.match(stderr, /'w'.*48.*44/);
    assert.equal(await filesIn(join(folder, 'out')), []);
  }));

  test('labels that are asked for and are not there: exit code 1', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), bytes);
    await writeFile(join(folder, 'data.arrow'), samples);
    for (const [args, says] of [[['--label', 'class'], /no column 'class'/], [['--metric', 'top-1'], /no column 'label', and the metric 'top-1'/]] as const) {
      const { code, stderr, stdout } = await quantpipe(['evaluate', 'model.onnx', 'data.arrow', ...args], { cwd: folder });
      assert.equal([code, stdout], [1, ''], stderr);
      assert.match(stderr, says);
    }
  }));

  test('a tensor that never holds a finite value is left in float and named, and the run goes on; with --strict it is an error that says what to do', () => inFolder(async folder => {
    const nodes = [...small.nodes, node('Abs', ['x'], ['a']), node('Neg', ['a'], ['n']), node('Log', ['n'], ['l']), node('MatMul', ['l', 'w'], ['z'])];
    await writeFile(join(folder, 'model.onnx'), writeModel(buildModel({ ...small, nodes, outputs: { ...small.outputs, z: null } })));
    await writeFile(join(folder, 'data.arrow'), samples);
    const { code, stdout, stderr } = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out', '--json'], { cwd: folder });
    assert.is(code, 0, stderr);
    const { warnings, float } = JSON.parse(stdout) as { warnings: string[]; float: { name: string; reason: string }[] };
    assert.is(float.find(({ name }) => name === 'l')!.reason, 'it never held a finite value');
    assert.ok(warnings.some(warning => /^'l'.* was left in float: it held \d+ NaN and 0 infinite values, and no finite one, in \d+ samples/.test(warning)), warnings.join('\n'));
    const { activation_encodings: activations } = JSON.parse(await readFile(join(folder, 'out/encodings.json'), 'utf8')) as { activation_encodings: { name: string }[] };
    assert.equal(activations.map(({ name }) => name).filter(name => ['x', 'y', 'l', 'z'].includes(name)), ['x', 'y']);
    const strict = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'strict', '--strict'], { cwd: folder });
    assert.is(strict.code, 1);
    assert.match(strict.stderr, /'l' has no encoding: it held \d+ NaN .*"is_quantized": false.*"min"/);
  }));

  test('NaN and Inf in the data are counted and reported, and the run goes on', () => inFolder(async folder => {
    const values = floats(64);
    values[3] = NaN;
    values[9] = Infinity;
    values[10] = -Infinity;
    await writeFile(join(folder, 'model.onnx'), bytes);
    await writeFile(join(folder, 'data.arrow'), samplesFile({ x: { size: 4, values } }, 16));
    const { code, stdout, stderr } = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out', '--json'], { cwd: folder });
    assert.is(code, 0, stderr);
    const { warnings } = JSON.parse(stdout) as { warnings: string[] };
    assert.ok(warnings.some(warning => /'x': 1 NaN and 2 infinite values of 64/.test(warning)), warnings.join('\n'));
    assert.is((await filesIn(join(folder, 'out'))).length, 5);
  }));

  test('a tensor of zeros is not among those that suffer most', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), bytes);
    await writeFile(join(folder, 'data.arrow'), samplesFile({ x: { size: 4, values: new Float32Array(64) } }, 16));
    const { code, stdout, stderr } = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out'], { cwd: folder });
    assert.is(code, 0, stderr);
    assert.match(stdout, /^w +weight /m);
    assert.not.match(stdout, /Infinity|^x +activation/m);
  }));

  const closed = 'an output folder that may not be written to: told before the work';
  if (process.getuid?.() === 0) test.skip(closed, 'root may write everywhere');
  else {
    test(closed, () => inFolder(async folder => {
      await mkdir(join(folder, 'out'));
      await chmod(join(folder, 'out'), 0o500);
      await writeFile(join(folder, 'model.onnx'), bytes);
      await writeFile(join(folder, 'data.arrow'), samples);
      const { code, stderr } = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out'], { cwd: folder });
      assert.is(code, 1);
      assert.match(stderr, /cannot write to the folder 'out': permission denied/);
    }));
  }

  test('Ctrl-C ends the run with 130 and leaves a checkpoint, and nothing else', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), bytes);
    await writeFile(join(folder, 'data.arrow'), samplesFile({ x: { size: 4, values: new Float32Array(4 * 200_000) } }, 200_000));
    let sent = false;
    const { code, stderr } = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out', '--batch-size', '1'], {
      cwd: folder,
      onStderr: (_, kill) => {
        if (!sent) kill('SIGINT');
        sent = true;
      },
    });
    assert.is(code, 130, stderr);
    assert.match(stderr, /stopped after \d+ of 200000 samples; they are kept in 'out\/checkpoint\.arrow'.* \[interrupted\]/);
    assert.equal((await filesIn(join(folder, 'out'))).sort(), ['checkpoint.arrow', 'checkpoint.arrow.journal']);
  }));
});

/** x [N, 4] → MatMul(w) → y, where w lies in a file of its own. */
function withExternalWeight(location: string): Uint8Array {
  const external = wire.initializer('w', [4, 3], 1, wire.externalData({ location }));
  return wire.model(wire.graph(wire.node('MatMul', ['x', 'w'], ['y']), external, wire.input('x'), wire.output('y')));
}
