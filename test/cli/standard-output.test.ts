import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { quantpipe } from '../support/cli.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';
import { bytes, samples } from '../end-to-end/bad-input-cases.ts';

suite('cli/standard-output', test => {
  test('a reader that is gone is an error where it was to have a file, and none of what is read by people', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), bytes);
    await writeFile(join(folder, 'data.arrow'), samples);
    const observe = ['observe', 'model.onnx', 'data.arrow', '--engine', 'native', '--workers', '1', '--quiet', '-o'];
    const kept = await quantpipe([...observe, 's.arrow'], { cwd: folder });
    assert.is(kept.code, 0, kept.stderr);
    for (const args of [[...observe, '-'], ['merge', 's.arrow', '-o', '-']]) {
      const { code, stderr } = await quantpipe(args, { cwd: folder, unread: true });
      assert.equal([code, stderr], [1, 'quantpipe: cannot write to standard output: its reader is gone\n']);
    }
    const { code, stderr } = await quantpipe(['inspect', 'model.onnx'], { cwd: folder, unread: true });
    assert.equal([code, stderr], [0, '']);
  }));

  test('progress and warnings that nobody can read end no work', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), bytes);
    await writeFile(join(folder, 'data.arrow'), samples);
    const { code } = await quantpipe(['observe', 'model.onnx', 'data.arrow', '--engine', 'native', '--workers', '1', '-o', 's.arrow'], { cwd: folder, unheard: true });
    assert.is(code, 0);
    assert.equal((await readdir(folder)).sort(), ['data.arrow', 'model.onnx', 's.arrow']);
  }));
});
