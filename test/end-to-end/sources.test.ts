import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { quantpipe } from '../support/cli.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const CNN = 'fixtures/models/fmnist-cnn.onnx', IMAGES = 'fixtures/data/images';
/** The network reads one channel of 28 x 28. */
const GRAY = ['--resize', '28x28', '--scale', '0.00392157', '--workers', '1', '--engine', 'web', '--batch-size', '2'];

suite('end-to-end/sources', test => {
  test('images give the same statistics from a folder, a pattern and an Arrow file, by flags and by a file', () => inFolder(async folder => {
    const preprocess = join(folder, 'preprocess.json');
    await writeFile(preprocess, JSON.stringify({ resize: [28, 28], scale: 0.00392157 }));
    const observe = async (data: string, options: readonly string[]) => {
      const { code, stderr } = await quantpipe(['observe', CNN, data, '-o', join(folder, 'statistics.arrow'), ...options]);
      assert.is(code, 0, stderr);
      return readFile(join(folder, 'statistics.arrow'), 'hex');
    };
    const expected = await observe(`${IMAGES}/classes`, GRAY);
    assert.is(await observe(`${IMAGES}/classes/*/*.*`, GRAY), expected);
    assert.is(await observe(`${IMAGES}/images.arrow`, ['--preprocess', preprocess, ...GRAY.slice(4)]), expected);
  }));

  test('an image that cannot be decoded is named and left out, the rest is counted; --max-bad 0 makes it an error', () => inFolder(async folder => {
    const args = ['observe', CNN, `${IMAGES}/damaged.parquet`, '-o', join(folder, 'statistics.arrow'), ...GRAY];
    const { code, stdout, stderr } = await quantpipe([...args, '--json']);
    assert.is(code, 0, stderr);
    const { samples, batches, setAside } = JSON.parse(stdout) as { samples: number; batches: number; setAside: { index: number; sample: number; message: string }[] };
    assert.equal([samples, batches, setAside.map(({ index, sample }) => [index, sample])], [5, 3, [[1, 3]]]);
    assert.match(stderr, /warning: left out: sample 3 cannot be read: '3\.jpg': it cannot be decoded: /);
    const strict = await quantpipe([...args, '--max-bad', '0']);
    assert.is(strict.code, 1);
    assert.match(strict.stderr, /^quantpipe: sample 3 cannot be read: '3\.jpg': it cannot be decoded/m);
    const evaluated = await quantpipe(['evaluate', CNN, `${IMAGES}/damaged.parquet`, '--against', CNN, ...GRAY.slice(0, 4), '--engine', 'web', '--json']);
    assert.is(evaluated.code, 0, evaluated.stderr);
    assert.is(JSON.parse(evaluated.stdout).samples, 5);
    assert.match(evaluated.stderr, /warning: left out: sample 3 cannot be read/);
  }));

  test('--sample takes some of all, the same in every shard', () => inFolder(async folder => {
    const data = 'fixtures/data/fmnist-calibration.arrow', options = ['--sample', '40', '--seed', '7', '--workers', '1', '--engine', 'web', '--batch-size', '8'];
    const run = (output: string, ...more: string[]) => quantpipe(['observe', CNN, data, '-o', join(folder, output), ...options, ...more]);
    const [whole, ...shards] = [await run('whole.arrow'), await run('0.arrow', '--shard', '0/2'), await run('1.arrow', '--shard', '1/2')];
    assert.equal([whole.code, ...shards.map(({ code }) => code)], [0, 0, 0], whole.stderr);
    await quantpipe(['merge', join(folder, '0.arrow'), join(folder, '1.arrow'), '-o', join(folder, 'merged.arrow')]);
    assert.is(await readFile(join(folder, 'merged.arrow'), 'hex'), await readFile(join(folder, 'whole.arrow'), 'hex'));
  }));
});
