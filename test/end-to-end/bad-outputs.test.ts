// Places where nothing can be written: told before the work where that can be seen, and with nothing lost where it cannot.

import { existsSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { quantpipe } from '../support/cli.ts';
import { suite } from '../support/suite.ts';
import { filesIn, inFolder } from '../support/temporary.ts';
import { bytes, samples } from './bad-input-cases.ts';

suite('end-to-end/bad-outputs', test => {
  test('a file that cannot take its place: the error says where what was observed is kept, and the next run goes on from there', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), bytes);
    await writeFile(join(folder, 'data.arrow'), samples);
    await mkdir(join(folder, 'out'));
    await symlink('model.qdq.onnx', join(folder, 'out/model.qdq.onnx')); // leads to itself
    const failed = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out'], { cwd: folder });
    assert.is(failed.code, 1, failed.stderr);
    assert.match(failed.stderr, /cannot write .*model\.qdq\.onnx/);
    assert.match(failed.stderr, /what was observed is kept in: out\/checkpoint\.arrow \(--resume goes on from there\)/);
    await rm(join(folder, 'out/model.qdq.onnx'));
    const resumed = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out', '--resume'], { cwd: folder });
    assert.is(resumed.code, 0, resumed.stderr);
    assert.equal((await filesIn(join(folder, 'out'))).length, 5);
  }));

  test('an output folder where the file system makes none: told at once', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), bytes);
    await writeFile(join(folder, 'data.arrow'), samples);
    const { code, stderr } = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', '/proc/quantpipe'], { cwd: folder });
    assert.is(code, 1, stderr);
    assert.match(stderr, /cannot write to the folder '\/proc\/quantpipe'/);
  }));

  test('a folder where a file of the export goes: told before the work', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), bytes);
    await writeFile(join(folder, 'data.arrow'), samples);
    await mkdir(join(folder, 'out/model.qdq.onnx'), { recursive: true });
    const { code, stderr } = await quantpipe(['run', 'model.onnx', 'data.arrow', '-o', 'out'], { cwd: folder });
    assert.is(code, 1, stderr);
    assert.match(stderr, /^quantpipe: cannot write 'out\/model\.qdq\.onnx': it is a folder/);
    assert.equal(await filesIn(join(folder, 'out')), ['model.qdq.onnx']);
  }));

  test('a file that the file system does not make: the message has the path that was given, and no temporary name', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), bytes);
    await writeFile(join(folder, 'data.arrow'), samples);
    const { code, stderr } = await quantpipe(['observe', 'model.onnx', 'data.arrow', '-o', '/proc/none.arrow'], { cwd: folder });
    assert.is(code, 1, stderr);
    assert.match(stderr, /^quantpipe: cannot write \/proc\/none\.arrow\.checkpoint\.lock: nothing can be made there \[output-unwritable\]$/m);
  }));

  for (const output of ['out', 'link', 'none/', '/proc/none/s.arrow']) {
    test(`statistics to '${output}', which is no place for a file: told before the work`, () => inFolder(async folder => {
      await writeFile(join(folder, 'model.onnx'), bytes);
      await writeFile(join(folder, 'data.arrow'), samples);
      await mkdir(join(folder, 'out'));
      await symlink('out', join(folder, 'link'));
      const before = await filesIn(folder);
      for (const args of [['observe', 'model.onnx', 'data.arrow'], ['merge', 'not-there.arrow']]) {
        const { code, stderr } = await quantpipe([...args, '-o', output], { cwd: folder });
        assert.is(code, 1, stderr);
        assert.match(stderr, output.startsWith('/') ? /^quantpipe: cannot write to the folder '\/proc\/none'/ : `quantpipe: cannot write '${output}': it is a folder`);
      }
      assert.equal(await filesIn(folder), before);
    }));
  }

  test('statistics into folders that are not there yet: made, and taken away again where the work fails', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), bytes);
    await writeFile(join(folder, 'data.arrow'), samples);
    assert.is((await quantpipe(['merge', 'not-there.arrow', '-o', 'a/b/s.arrow'], { cwd: folder })).code, 1);
    assert.is((await quantpipe(['observe', 'model.onnx', 'data.arrow', '-o', 'a/b/s.arrow', '--memory', '1MiB'], { cwd: folder })).code, 1);
    assert.not.ok(existsSync(join(folder, 'a')));
    const { code, stderr } = await quantpipe(['observe', 'model.onnx', 'data.arrow', '-o', 'a/b/s.arrow', '--quiet'], { cwd: folder });
    assert.is(code, 0, stderr);
    assert.equal(await filesIn(join(folder, 'a/b')), ['s.arrow']);
  }));
});
