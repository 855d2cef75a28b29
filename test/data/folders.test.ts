// What folders hold that is read, and what of it is not.

import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';

import { openSource } from '../../pipeline/data/index.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';
import { failure } from './reading.ts';

const IMAGE = 'fixtures/data/images/classes/bag/1.png', PARQUET = 'fixtures/data/images/images.parquet', ARRAY = 'fixtures/data/foreign/float32.npy';

/** Make files from what they are copies of; text where that is no fixture. */
async function fill(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await (content.startsWith('fixtures/') ? copyFile(content, join(folder, name)) : writeFile(join(folder, name), content));
  }
}

/** Files that are read, classes where there are any, and notices. */
async function opened(folder: string, path = folder): Promise<{ files: string[]; rows: number | null; columns: string[]; notices: string[] }> {
  const { files = [], rows, columns, notices = [] } = await openSource(path);
  return { files: files.map(file => file.replace(`${folder}/`, '')), rows, columns: columns.map(({ name }) => name), notices: notices.map(notice => notice.replaceAll(folder, 'FOLDER')) };
}

suite('data/folders', test => {
  test('images beside folders of images are read with them, without classes, and told; hidden ones are passed over', () => inFolder(async folder => {
    await fill(folder, { 'a.PNG': IMAGE, 'cat/1.png': IMAGE, 'cat/deep er/ü.png': IMAGE, '.cache/x.png': IMAGE, 'cat/.x.png': IMAGE, 'README': 'text' });
    assert.equal(await opened(folder), {
      files: ['a.PNG', 'cat/1.png', 'cat/deep er/ü.png'], rows: 3, columns: ['image'], notices: ['FOLDER holds images beside folders of images: all 3 are read, and the folders are no classes'],
    });
  }));

  test('images of other formats are told of', () => inFolder(async folder => {
    await fill(folder, { 'cat/1.png': IMAGE, 'cat/2.gif': 'GIF', 'dog/3.BMP': 'BM', 'dog/4.png': IMAGE, 'x.tiff': 'II' });
    assert.equal(await opened(folder), {
      files: ['cat/1.png', 'dog/4.png'], rows: 2, columns: ['label', 'image'].reverse(), notices: ["FOLDER holds 3 images that are not read, because they are no JPEG, PNG or WebP: 'x.tiff', 'cat/2.gif', 'dog/3.BMP'"],
    });
  }));

  test('folders that are links are classes like others, and a link back to where it lies is not followed', () => inFolder(async folder => {
    await fill(folder, { 'all/dog/1.png': IMAGE, 'all/dog/2.png': IMAGE, 'some/cat/1.png': IMAGE });
    await symlink(join(folder, 'all/dog'), join(folder, 'some/dog'));
    await symlink(join(folder, 'some'), join(folder, 'some/cat/round'));
    const some = join(folder, 'some');
    assert.equal((await opened(some)).files, ['cat/1.png', 'dog/1.png', 'dog/2.png']);
    const labels: number[] = [];
    for await (const batch of (await openSource(some)).batches()) labels.push(...batch.getChild('label')!.toArray() as Int32Array);
    assert.equal(labels, [0, 1, 1]);
  }));

  test('data files of another kind, and in folders below, are told of', () => inFolder(async folder => {
    await fill(folder, { 'a.parquet': PARQUET, 'b.npy': ARRAY, 'sub/b.parquet': PARQUET, 'sub/_SUCCESS': '', 'sub/_metadata.parquet': PARQUET, 'notes.txt': 'text' });
    const { files, notices } = await opened(folder);
    assert.equal(files, ['a.parquet']);
    assert.equal(notices, ["FOLDER holds 2 other data files that are not read: 'b.npy', 'sub/b.parquet' (a pattern in quotes, such as 'FOLDER/**/*.parquet', reads files of one kind wherever they lie)"]);
  }));

  test('nothing is told of a folder all of whose data are read', () => inFolder(async folder => {
    await fill(folder, { 'a.parquet': PARQUET, '_SUCCESS': '', 'README.md': 'text' });
    assert.equal((await opened(folder)).notices, []);
    await fill(folder, { 'arrays/x.npy': ARRAY });
    assert.equal((await opened(join(folder, 'arrays'))).notices, []);
  }));

  test('** stands for any folders, or none', () => inFolder(async folder => {
    await fill(folder, { 'a.parquet': PARQUET, 'x/b.parquet': PARQUET, 'x/y/c.parquet': PARQUET, 'x/y/d.txt': 'text', '.hidden/e.parquet': PARQUET });
    assert.equal((await opened(folder, join(folder, '**/*.parquet'))).files, ['a.parquet', 'x/b.parquet', 'x/y/c.parquet']);
    assert.equal((await opened(folder, join(folder, 'x/**/c.parquet'))).files, ['x/y/c.parquet']);
    assert.equal((await opened(folder, join(folder, '*/**/b.parquet'))).files, ['x/b.parquet']);
  }));

  test('a folder without data says what it holds', () => inFolder(async folder => {
    await fill(folder, { 'label=0/a.parquet': PARQUET, 'x.bmp': 'BM' });
    const { code, message } = await failure(() => openSource(folder));
    assert.is(code, 'data-invalid');
    assert.is(message.replaceAll(folder, 'FOLDER'), "FOLDER is a folder without data that are read (.parquet, .arrow, .npz, .npy, .tar and .pb files, JPEG, PNG and WebP images): it holds 'label=0/', 'x.bmp'; files in folders below it are read by a pattern in quotes, such as 'FOLDER/**/*.parquet'");
  }));
});
