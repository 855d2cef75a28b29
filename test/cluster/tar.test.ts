import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';

import { tar } from '../../pipeline/cluster/tar.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const long = `${'deep/'.repeat(24)}${'n'.repeat(99)}`;
const entries = ['empty', 'a.txt', 'folder/b.bin', long, 'ünïcode'].map((path, i) => ({ path, bytes: new Uint8Array([0, 1, 511, 512, 70_000][i]!).fill(i + 65) }));

suite('cluster/tar', test => {
  test("the system's tar unpacks it: every size around a record, names longer than a header's field", () => inFolder(async folder => {
    const path = join(folder, 'archive.tar');
    await writeFile(path, Buffer.concat([...tar(entries)]));
    await mkdir(join(folder, 'out'));
    await promisify(execFile)('tar', ['-xf', path, '-C', join(folder, 'out')]);
    for (const { path: name, bytes } of entries) assert.ok((await readFile(join(folder, 'out', name))).equals(bytes), name);
  }));

  test('a name that no header holds is refused', () => {
    assert.throws(() => [...tar([{ path: 'n'.repeat(101), bytes: new Uint8Array(0) }])], /too long for an archive: at most 100 bytes/);
  });
});
