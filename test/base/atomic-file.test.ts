import { execFileSync } from 'node:child_process';
import { lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { writeAllAtomically, writeAtomically } from '../../pipeline/base/atomic-file.ts';
import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const rejected = (promise: Promise<void>) => promise.then(() => assert.unreachable('should have failed'), error => error as Error);

suite('base/atomic-file', test => {
  test('writes text, bytes and pieces, into folders that it makes', () => inFolder(async folder => {
    await writeAtomically(join(folder, 'text'), 'héllo');
    await writeAtomically(join(folder, 'a/b/bytes'), Uint8Array.of(1, 2));
    await writeAtomically(join(folder, 'pieces'), (async function* () { yield Uint8Array.of(1); yield Uint8Array.of(2, 3); })());
    assert.is(await readFile(join(folder, 'text'), 'utf8'), 'héllo');
    assert.equal([...await readFile(join(folder, 'a/b/bytes'))], [1, 2]);
    assert.equal([...await readFile(join(folder, 'pieces'))], [1, 2, 3]);
    assert.equal(await readdir(join(folder, 'a/b')), ['bytes']);
  }));

  test('an error half-way leaves the old file and nothing beside it, and passes as it is', () => inFolder(async folder => {
    const path = join(folder, 'file');
    await writeFile(path, 'old');
    const cause = new Error('no more weights');
    const error = await rejected(writeAtomically(path, (function* () { yield Uint8Array.of(1); throw cause; })()));
    assert.is(error, cause);
    assert.is(await readFile(path, 'utf8'), 'old');
    assert.equal(await readdir(folder), ['file']);
  }));

  test('what a killed process with the same number left behind is not in the way', () => inFolder(async folder => {
    for (let serial = 0; serial < 100; serial++) await writeFile(join(folder, `file.${process.pid}-${serial}.tmp`), 'half');
    await writeAtomically(join(folder, 'file'), 'whole');
    assert.is(await readFile(join(folder, 'file'), 'utf8'), 'whole');
  }));

  test('a symbolic link stays one, and what it leads to is written', () => inFolder(async folder => {
    await writeFile(join(folder, 'real'), 'old');
    await symlink('real', join(folder, 'link'));
    await symlink('missing', join(folder, 'dangling'));
    await symlink('circle', join(folder, 'circle'));
    await writeAtomically(join(folder, 'link'), 'new');
    await writeAtomically(join(folder, 'dangling'), 'made');
    assert.equal([await readFile(join(folder, 'real'), 'utf8'), await readFile(join(folder, 'missing'), 'utf8')], ['new', 'made']);
    assert.ok((await lstat(join(folder, 'link'))).isSymbolicLink());
    assert.match((await rejected(writeAtomically(join(folder, 'circle'), 'x')) as Error).message, /cannot write .*circle: .*lead in a circle/);
  }));

  if (process.platform !== 'win32') test('devices and named pipes are written to, never replaced', () => inFolder(async folder => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [read] = await Promise.all([readFile(pipe, 'utf8'), writeAtomically(pipe, 'through the pipe')]);
    assert.is(read, 'through the pipe');
    assert.ok((await stat(pipe)).isFIFO());
    await writeAtomically('/dev/null', 'nothing');
    assert.ok((await stat('/dev/null')).isCharacterDevice());
    assert.equal(await readdir(folder), ['pipe']);
  }));

  test('files that belong together are all replaced or none', () => inFolder(async folder => {
    await writeFile(join(folder, 'a'), 'old');
    const broken = (function* (): Generator<Uint8Array> { throw new Error('broken'); })();
    await rejected(writeAllAtomically([[join(folder, 'a'), 'new'], [join(folder, 'b'), broken]]));
    assert.is(await readFile(join(folder, 'a'), 'utf8'), 'old');
    assert.equal(await readdir(folder), ['a']);
  }));

  test('a folder in the place of one file keeps the others as they were', () => inFolder(async folder => {
    await writeFile(join(folder, 'a'), 'old');
    await mkdir(join(folder, 'b'));
    const error = await rejected(writeAllAtomically([[join(folder, 'a'), 'new'], [join(folder, 'b'), 'new']])) as QuantpipeError;
    assert.is(error.code, 'output-unwritable');
    assert.is(error.message, `cannot write ${join(folder, 'b')}: '${join(folder, 'b')}' is a folder`);
    assert.is(await readFile(join(folder, 'a'), 'utf8'), 'old');
    assert.equal((await readdir(folder)).sort(), ['a', 'b']);
  }));

  test('a place that cannot be written is an error of the user, which names it', () => inFolder(async folder => {
    await writeFile(join(folder, 'file'), '');
    await mkdir(join(folder, 'taken/inner'), { recursive: true });
    for (const path of [join(folder, 'file/inner'), join(folder, 'taken')]) {
      const error = await rejected(writeAtomically(path, 'x')) as QuantpipeError;
      assert.is(error.code, 'output-unwritable');
      assert.ok(error.message.startsWith(`cannot write ${path}: `), error.message);
    }
    assert.equal((await readdir(folder)).sort(), ['file', 'taken']);
  }));
});
