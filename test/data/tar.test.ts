import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/index.ts';
import { blocks, openSource } from '../../pipeline/data/index.ts';
import { suite } from '../support/suite.ts';
import { uniform } from '../support/random.ts';
import { failure } from './reading.ts';

const IMAGE = await readFile('fixtures/data/images/classes/bag/1.png');

/** A header of an archive, with the fields that a test is about. */
function header(name: string, size: number | string, { type = '0', sum = 0 } = {}): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0);
  block.write(typeof size === 'string' ? size : size.toString(8).padStart(11, '0'), 124);
  block.write(' '.repeat(8), 148);
  block.write(type, 156);
  block.write('ustar\x0000', 257);
  block.write((block.reduce((all, byte) => all + byte, 0) + sum).toString(8).padStart(6, '0') + '\0 ', 148);
  return block;
}

function file(name: string, content: Uint8Array | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([header(name, bytes.length), bytes, Buffer.alloc((512 - bytes.length % 512) % 512)]);
}

/** Two empty blocks. */
const END = Buffer.alloc(1024);

suite('data/tar', test => {
  let folder: string, path: string;
  test.before(async () => { folder = await mkdtemp(join(tmpdir(), 'quantpipe-tar-')); path = join(folder, 'x.tar'); });
  test.after(() => rm(folder, { recursive: true }));

  const read = async (...parts: Buffer[]) => {
    await writeFile(path, Buffer.concat(parts));
    const found: { rows: number; bad: string[] }[] = [];
    for await (const { rows, bad } of blocks(await openSource(path), { size: 10 })) found.push({ rows, bad: bad.map(({ reason }) => reason.replaceAll(folder, 'FOLDER')) });
    return found;
  };

  test('takes the class of a sample from .cls or .json, before the image or behind it', async () => {
    assert.equal(await read(file('./a.cls', '3\n'), file('./a.png', IMAGE), file('b.png', IMAGE), file('b.json', '{"label": 5}'), file('c.txt', 'no image'), END), [{ rows: 2, bad: [] }]);
    assert.equal((await openSource(path)).columns.map(({ name }) => name), ['image', 'label']);
  });

  test('leaves out a sample without the class that others have', async () => {
    assert.equal(await read(file('a.png', IMAGE), file('a.cls', '3'), file('b.png', IMAGE), file('b.json', '{'), END), [{ rows: 1, bad: ["'b.png' of FOLDER/x.tar has no class, others have one"] }]);
  });

  test('reads a file that lies in one piece as any other', async () => {
    const contiguous = Buffer.concat([header('a.png', IMAGE.length, { type: '7' }), file('a.png', IMAGE).subarray(512)]);
    assert.equal(await read(contiguous, file('b.png', IMAGE), END), [{ rows: 2, bad: [] }]);
  });

  test('reads an archive that ends with one empty block, or with many', async () => {
    for (const blocks of [1, 40]) assert.equal(await read(file('a.png', IMAGE), header('notes', 0, { type: '2' }), Buffer.alloc(512 * blocks)), [{ rows: 1, bad: [] }]);
  });

  const ONE = file('a.png', IMAGE).length;
  const hostile: [name: string, parts: Buffer[], message: RegExp][] = [
    ['names a file outside of it', [file('a.png', IMAGE), file('../../etc/x.png', IMAGE)], /it holds a file '\.\.\/\.\.\/etc\/x\.png', which lies outside of it$/],
    ['names an absolute path', [file('/etc/x.png', IMAGE)], /it holds a file '\/etc\/x\.png', which lies outside of it$/],
    ['is cut short in a file', [file('a.png', IMAGE).subarray(0, 700)], /a file of \d+ bytes is declared, 188 are left$/],
    ['declares more than there is', [header('a.png', '77777777777')], /a file of 8589934591 bytes is declared, 0 are left$/],
    ['is cut short in a header', [file('a.png', IMAGE), header('b.png', 5).subarray(0, 100)], /it is cut short: a header needs 512 bytes, 100 are left$/],
    ['has a damaged header', [file('a.png', IMAGE), header('b.png', 0, { sum: 1 })], /a header does not have its checksum$/],
    ['has a long name without end', [header('x', 1 << 24, { type: 'L' }), Buffer.alloc(1 << 24)], /a header of 16777216 bytes is declared, at most 1048576 are read$/],
    ['ends without its mark', [file('a.png', IMAGE), file('b.png', IMAGE)], new RegExp(`it is cut short at byte ${2 * ONE}: the empty blocks that mark the end are missing, and maybe files before them; make or copy it anew$`)],
    ['has a hole', [file('a.png', IMAGE), Buffer.alloc(512), file('b.png', IMAGE), END], new RegExp(`it ends at byte ${ONE}, and more follows at byte ${ONE + 512}: archives that were joined must be made one`)],
    ['is two', [file('a.png', IMAGE), END, file('b.png', IMAGE), END], new RegExp(`it ends at byte ${ONE}, and more follows at byte ${ONE + 1024}: archives that were joined must be made one`)],
    ['holds a hard link', [file('a.png', IMAGE), header('b.png', 0, { type: '1' }), END], /'b\.png' is a hard link, which is not read: make the archive with the files themselves/],
    ['holds a symbolic link', [file('a.png', IMAGE), header('a.cls', 0, { type: '2' }), END], /'a\.cls' is a symbolic link, which is not read/],
    ['is compressed', [gzipSync(Buffer.concat([file('a.png', IMAGE), END]))], /is compressed with gzip: decompress it first \(gunzip\)$/],
    ['has two images of one name', [file('a.png', IMAGE), file('a.jpg', IMAGE)], /'a' has two images, 'a\.png' and 'a\.jpg'$/],
    ['holds no images', [file('a.txt', 'text'), END], /is a tar archive without images$/],
  ];
  for (const [name, parts, message] of hostile) {
    test(`refuses an archive that ${name}`, async () => {
      const error = await failure(() => read(...parts));
      assert.is(error.code, 'data-invalid', error.message);
      assert.match(error.message, message);
    });
  }

  for (const name of ['images.tar', 'gnu.tar', 'pax.tar', 'images.parquet']) {
    test(`survives damage anywhere in ${name}`, async () => {
      const whole = await readFile(`fixtures/data/images/${name}`), next = uniform(11);
      for (let i = 0; i < 40; i++) {
        const damaged = Buffer.from(i % 4 === 0 ? whole.subarray(0, Math.floor(next() * whole.length)) : whole);
        for (let flips = 0; i % 4 > 0 && flips < 3; flips++) damaged[Math.floor(next() * damaged.length)] = Math.floor(next() * 256);
        try {
          await read(damaged);
        } catch (error) {
          assert.instance(error, QuantpipeError, `damage ${i}: ${(error as Error).stack}`);
        }
      }
    });
  }
});
