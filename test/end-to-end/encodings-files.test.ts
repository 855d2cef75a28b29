import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { encodingsVersions, type Evaluation, writeModel } from '../../pipeline/index.ts';
import { smallNetwork } from '../export/models.ts';
import { quantpipe } from '../support/cli.ts';
import { floats } from '../support/random.ts';
import { samplesFile } from '../support/samples.ts';
import { schemaOf } from '../support/schemas.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const model = 'fixtures/models/fmnist-cnn.onnx';
const record = { name: 'image', enc_type: 'PER_TENSOR', dtype: 'INT', bw: 8, is_sym: false, scale: [0.01], offset: [-100] };
const file = (...records: object[]) => JSON.stringify({ version: '1.0.0', activation_encodings: records, param_encodings: [] });

// what the file holds, and what the one message says
const bad: [title: string, content: string, says: RegExp][] = [
  ['a truncated file', file(record).slice(0, 70), /e\.json: not JSON \(is the file whole\?\): /],
  ['an unknown version', '{"version": "3.0.0"}', /version: expected one of the known versions 0\.4\.0, 0\.6\.1, 1\.0\.0, 2\.0\.0, 2\.1\.0, got "3\.0\.0"/],
  ['a tensor that the model does not have', file({ ...record, name: 'imege' }), /activation_encodings\[0\]: the model has no tensor 'imege'; did you mean 'image'\?/],
  ['more channels than the model has', file({ ...record, name: 'kernel', enc_type: 'PER_CHANNEL', scale: [1, 1, 1], offset: [0, 0, 0] }), /'kernel' has 3 encodings in the file and 2 channels/],
  ['a scale that is NaN', file(record).replace('0.01', 'NaN'), /activation_encodings\[0\]\.scale\[0\]: expected a positive number, got "NaN"/],
  ['a scale of 0', file({ ...record, scale: [0] }), /activation_encodings\[0\]\.scale\[0\]: expected a positive number, got 0/],
  ['an offset of the wrong sign', file({ ...record, offset: [100] }), /activation_encodings\[0\]\.offset\[0\]: expected an integer from -255 to 0, got 100/],
  ['an offset between codes', file({ ...record, offset: [-0.5] }), /offset\[0\]: expected an integer from -255 to 0, got -0\.5/],
  ['a list where a number belongs', file({ ...record, bw: [8] }), /activation_encodings\[0\]\.bw: expected an integer from 2 to 32, got \[8\]/],
];

suite('end-to-end/encodings-files', test => {
  test('every version that is written is valid by its schema, and evaluates to the same', () => inFolder(async folder => {
    const observed = await quantpipe(['observe', model, 'fixtures/data/fmnist-calibration.arrow', '-o', join(folder, 's.arrow'), '--limit', '32', '--quiet']);
    assert.is(observed.code, 0, observed.stderr);
    const evaluations: Evaluation[] = [];
    for (const version of Object.keys(encodingsVersions)) {
      const out = join(folder, version);
      const encoded = await quantpipe(['encode', model, join(folder, 's.arrow'), '-o', out, '--encodings-version', version, '--quiet']);
      assert.is(encoded.code, 0, encoded.stderr);
      const document = JSON.parse(await readFile(join(out, 'encodings.json'), 'utf8')) as { version: string };
      assert.is(document.version, version);
      assert.equal((await schemaOf(version))(document), []);
      const evaluated = await quantpipe(['evaluate', model, 'fixtures/data/fmnist-evaluation.arrow', '--encodings', join(out, 'encodings.json'), '--limit', '32', '--json']);
      assert.is(evaluated.code, 0, evaluated.stderr);
      evaluations.push(JSON.parse(evaluated.stdout) as Evaluation);
    }
    assert.is(evaluations.length, 3);
    for (const evaluation of evaluations) assert.equal(evaluation, evaluations[0]);
  }));

  test('run keeps frozen encodings, and calibrates what the file leaves out', () => inFolder(async folder => {
    await smallModel(folder);
    await writeFile(join(folder, 'e.json'), file(record));
    const ran = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out', '--load-encodings', 'e.json', '--freeze', '--encodings-version', '2.0.0', '--quiet'], { cwd: folder });
    assert.is(ran.code, 0, ran.stderr);
    const { encodings } = JSON.parse(await readFile(join(folder, 'out/encodings.json'), 'utf8')) as { encodings: { name: string; y_scale: unknown }[] };
    assert.equal(encodings.find(({ name }) => name === 'image'), { name: 'image', output_dtype: 'uint8', y_scale: 0.01, y_zero_point: 100 });
    assert.ok(encodings.length > 5);
  }));

  for (const [title, content, says] of bad) {
    test(`${title}: exit code 1, one message with the path`, () => inFolder(async folder => {
      await smallModel(folder);
      await writeFile(join(folder, 'e.json'), content);
      await refused(folder, ['evaluate', 'model.onnx', 'data.arrow', '--encodings', 'e.json'], says);
    }));
  }

  test('run refuses a bad file before it calibrates, and what a version cannot say before that is searched', () => inFolder(async folder => {
    await smallModel(folder);
    await writeFile(join(folder, 'e.json'), bad[2]![1]);
    await refused(folder, ['run', 'model.onnx', 'data.arrow', '-o', 'out', '--load-encodings', 'e.json'], bad[2]![2]);
    await refused(folder, ['run', 'model.onnx', 'missing.arrow', '-o', 'out', '--weight-bits', '6', '--encodings-version', '2.0.0'], /encodings 2\.0\.0 cannot say what 'kernel' has: a 6-bit grid; 0\.6\.1 and 1\.0\.0 can/);
    await refused(folder, ['run', 'model.onnx', 'data.arrow', '-o', 'out', '--freeze'], /nothing to freeze/);
    assert.not.ok((await readdir(folder)).includes('out'));
  }));
});

async function smallModel(folder: string): Promise<void> {
  await writeFile(join(folder, 'model.onnx'), writeModel(smallNetwork().model));
  await writeFile(join(folder, 'data.arrow'), samplesFile({ image: { size: 16, values: floats(64) } }, 4));
}

async function refused(folder: string, args: readonly string[], says: RegExp): Promise<void> {
  const { code, stdout, stderr } = await quantpipe(args, { cwd: folder });
  assert.is(code, 1, stderr);
  assert.match(stderr, says);
  assert.is(stdout, '');
  assert.is(stderr.match(/^quantpipe: /gm)?.length, 1, stderr);
  assert.not.match(stderr, /\n\s+at /);
}
