import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { blocks, openSource } from '../../pipeline/data/index.ts';
import { uniform } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { failure } from './reading.ts';

const FOREIGN = 'fixtures/data/foreign';
const folder = await mkdtemp(join(tmpdir(), 'quantpipe-hostile-'));
const path = join(folder, 'data');

/** Open and read to the end. */
async function readAll(path: string): Promise<number> {
  let rows = 0;
  for await (const block of blocks(await openSource(path), { size: 10 })) rows += block.rows;
  return rows;
}

async function readBytes(bytes: Uint8Array | string): Promise<{ code: string; message: string }> {
  await writeFile(path, bytes);
  return failure(() => readAll(path));
}

/** The int32 at a place of a file, replaced. */
async function patched(file: string, at: number, value: number): Promise<Uint8Array> {
  const bytes = await readFile(`${FOREIGN}/${file}`);
  bytes.writeInt32LE(value, at < 0 ? bytes.length + at : at);
  return bytes;
}

/** A .npy file with this header text, and so many bytes of values. */
function npy(header: string, valueBytes: number, { version = 1, declared = header.length } = {}): Uint8Array {
  return Buffer.concat([Buffer.from([0x93, ...Buffer.from('NUMPY'), version, 0, declared & 255, declared >> 8]), Buffer.from(header), Buffer.alloc(valueBytes)]);
}

const header = (shape: string, descr = '<f4') => `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;

const hostile: [name: string, bytes: () => Uint8Array | string | Promise<Uint8Array>, message: RegExp][] = [
  ['is empty', () => '', /^FILE is empty$/],
  ['is a text', () => 'a,b,c\n1,2,3\n', /^FILE is not Arrow, Parquet, \.npy, \.npz or \.tar data: it begins with the bytes 61 2c 62 2c 63 0a 31 2c$/],
  ['has three bytes', () => 'abc', /begins with the bytes 61 62 63$/],
  ['is an Arrow file without its end', async () => (await readFile(`${FOREIGN}/plain.arrow`)).subarray(0, -1), /^FILE is cut short: an Arrow file ends with ARROW1, this one of \d+ bytes does not$/],
  ['has a column that is not read', () => readFile(`${FOREIGN}/run-ends.arrow`), /^FILE has a column of Arrow's type RunEndEncoded, and files with such columns are not read: write it without them$/],
  ['is the beginning of an Arrow file', () => 'ARROW1\0\0', /^FILE is cut short: an Arrow file needs 18 bytes, it has 8$/],
  ['declares a footer larger than the file', () => patched('plain.arrow', -10, 1 << 30), /^FILE: a footer of 1073741824 bytes is declared, there is room for \d+$/],
  ['declares a negative footer', () => patched('plain.arrow', -10, -5), /^FILE: a footer of -5 bytes is declared, there is room for \d+$/],
  ['is a stream whose schema declares more metadata than there is', () => patched('plain.arrows', 4, 1 << 20), /^FILE is cut short: the metadata of an Arrow message needs 1048576 bytes, \d+ are left$/],
  ['is a stream with an impossible metadata length', () => patched('plain.arrows', 4, 0x7fffffff), /metadata of 2147483647 bytes declared, at most 268435456 are possible$/],
  ['is a stream without its last bytes', async () => (await readFile(`${FOREIGN}/plain.arrows`)).subarray(0, -20), /^FILE is cut short: the body of an Arrow message needs \d+ bytes, \d+ are left$/],
  ['is a .npy file with fewer values than declared', () => npy(header('10, 3'), 119), /^FILE: float32 values of shape \[10, 3\] need 120 bytes, the file holds 119$/],
  ['is a .npy file with more values than declared', () => npy(header('10, 3'), 124), /^FILE: float32 values of shape \[10, 3\] need 120 bytes, the file holds 124$/],
  ['is a .npy file of an absurd shape', () => npy(header('1000000000, 1000000000'), 8), /^FILE: float32 values of shape \[1000000000, 1000000000\] need 4000000000000000000 bytes, the file holds 8$/],
  ['is a .npy file with a shape of words', () => npy(header('a, b'), 8), /its shape is \(a, b\)$/],
  ['is a .npy file with a negative dimension', () => npy(header('-1, 2'), 8), /its shape is \(-1, 2\)$/],
  ['is a .npy file without samples', () => npy(header('0, 3'), 0), /^FILE holds no samples$/],
  ['is a .npy file without a type', () => npy("{'fortran_order': False, 'shape': (1,), }", 4), /its header names no type/],
  ['is a .npy file without a shape', () => npy("{'descr': '<f4', 'fortran_order': False, }", 4), /its header names no order and shape/],
  ['is a .npy file that is cut in its header', () => npy(header('10, 3'), 0, { declared: 500 }), /^FILE is cut short: the header of a \.npy file needs 500 bytes, \d+ are left$/],
  ['is a .npy file of the future', () => npy(header('1,'), 4, { version: 9 }), /format version 9 is unknown, versions 1 to 3 are known$/],
  ['is a Parquet file without its end', async () => (await readFile(`${FOREIGN}/snappy.parquet`)).subarray(0, -30), /^FILE is cut short: a Parquet file ends with PAR1, this one of \d+ bytes does not$/],
  ['is a Parquet file that is nothing but magic', () => Buffer.from('PAR1PAR1'), /^FILE is cut short: a Parquet file needs 12 bytes, it has 8$/],
  ['is a Parquet file with a footer longer than itself', () => patched('snappy.parquet', -8, 0x7fffffff), /^FILE: a footer of 2147483647 bytes is declared, there is room for \d+$/],
  ['is a Parquet file with a footer of noise', () => patched('snappy.parquet', -8, 4), /^FILE is not valid Parquet data: /],
  ['is a .npz archive without its directory', async () => (await readFile(`${FOREIGN}/deflated.npz`)).subarray(0, -30), /^FILE is not a valid \.npz archive: /],
  ['is a .npz archive with a value that was changed', async () => {
    const bytes = await readFile(`${FOREIGN}/stored.npz`), array = bytes.indexOf('\x93NUMPY', 'latin1');
    bytes[array + 10 + bytes.readUInt16LE(array + 8)]! ^= 1;
    return bytes;
  }, /^FILE\/\w+\.npy is damaged: its bytes have the checksum [0-9a-f]{8}, the archive says [0-9a-f]{8}; make or copy the file anew$/],
  ['is a .npz archive without arrays', () => Buffer.from('504b0506' + '00'.repeat(18), 'hex'), /^FILE holds no \.npy arrays$/],
];

suite('data/hostile', test => {
  test.after(() => rm(folder, { recursive: true }));

  for (const [name, bytes, message] of hostile) {
    test(`refuses data that ${name}`, async () => {
      const error = await readBytes(await bytes());
      assert.is(error.code, 'data-invalid', error.message);
      assert.match(error.message.replaceAll(path, 'FILE'), message);
    });
  }

  test('names a file that does not exist', async () => {
    assert.equal(await failure(() => openSource(join(folder, 'none.arrow'))), { code: 'file-unreadable', message: `cannot read ${join(folder, 'none.arrow')}: there is no such file or folder` });
  });

  test('refuses a stream that is cut short where it is passed over', async () => {
    await writeFile(path, (await readFile(`${FOREIGN}/plain.arrows`)).subarray(0, -20));
    const error = await failure(async () => {
      for await (const block of blocks(await openSource(path), { size: 1, shard: { index: 0, count: 100 } })) assert.is(block.index, 0);
    });
    assert.is(error.code, 'data-invalid');
    assert.match(error.message, /is cut short: the body of an Arrow message needs \d+ bytes, \d+ are left$/);
  });

  test('refuses an archive entry that declares more than it can hold', async () => {
    const bytes = await readFile(`${FOREIGN}/deflated.npz`);
    bytes.writeUInt32LE(0x70000000, bytes.indexOf(Buffer.from('504b0102', 'hex')) + 24); // uncompressed size in the central directory
    const error = await readBytes(bytes);
    assert.is(error.code, 'data-invalid');
    assert.match(error.message, /1879048192 bytes are declared, \d+ compressed ones cannot hold them$/);
  });

  test('refuses a Parquet file whose footer does not say which column a chunk is of', async () => {
    const bytes = await readFile(`${FOREIGN}/lz4.parquet`);
    for (const [at, byte] of [[5703, 232], [6068, 128]] as const) bytes[at] = byte; // in the metadata of a chunk: a list becomes something else
    assert.match((await readBytes(bytes)).message, /a row group has no column 'bool\.list\.element'$/);
  });

  test('refuses a folder without arrays, and one whose samples do not agree', async () => {
    const samples = join(folder, 'samples');
    await mkdir(samples, { recursive: true });
    assert.match((await failure(() => openSource(samples))).message, /is an empty folder$/);
    await writeFile(join(samples, 'a.npy'), npy(header('2, 3'), 24));
    await writeFile(join(samples, 'b.npy'), npy(header('6,'), 24));
    assert.match((await failure(() => openSource(samples))).message, /a\.npy has 2 dimensions, .*b\.npy has 1$/);
    await writeFile(join(samples, 'b.npy'), npy(header('2, 3', '<i4'), 24));
    assert.match((await failure(() => openSource(samples))).message, /a\.npy holds float32, .*b\.npy holds int32$/);
    assert.match((await failure(() => openSource(samples, { columns: ['a', 'b'] }))).message, /^nothing was thrown$/);
    await writeFile(join(samples, 'b.npy'), npy(header('3, 2', '<i4'), 24));
    assert.match((await failure(() => openSource(samples, { columns: ['a', 'b'] }))).message, /a\.npy has 2 samples, .*b\.npy has 3: say which array each input of the model reads$/);
    const { rows, columns, notices } = await openSource(samples, { columns: ['b'] });
    assert.equal([rows, columns.map(({ name }) => name), notices], [3, ['b'], [`${join(samples, 'a.npy')} is not read: it has 2 samples, and not 3`]]);
  });

  test('keeps no .npz archive open that it refuses, when it is opened or later', async () => {
    const held = async () => (await Promise.all((await readdir('/proc/self/fd')).map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => '')))).filter(target => target === path).length;
    const released = async () => { // the library closes a file a moment later
      for (let waits = 0; waits < 100 && await held() > 0; waits++) await setTimeout(20);
      return await held() === 0;
    };
    const sound = await readFile(`${FOREIGN}/stored.npz`);
    const encrypted = await readFile(`${FOREIGN}/deflated.npz`), damaged = Buffer.from(sound);
    for (let at = encrypted.indexOf('PK\x01\x02'); at >= 0; at = encrypted.indexOf('PK\x01\x02', at + 1)) encrypted[at + 8]! |= 1;
    for (let at = damaged.indexOf('\x93NUMPY', 0, 'latin1'); at >= 0; at = damaged.indexOf('\x93NUMPY', at, 'latin1')) damaged[at] = 0;
    assert.match((await readBytes(encrypted)).message, /encrypted/);
    assert.ok(await released());
    await writeFile(path, sound);
    const source = await openSource(path);
    await writeFile(path, damaged);
    assert.is((await failure(async () => { for await (const _ of source.batches()); })).code, 'data-invalid');
    assert.ok(await released());
  });

  for (const file of ['plain.arrow', 'lz4.arrow', 'zstd.arrow', 'plain.arrows', 'zstd.arrows', 'float32.npy', 'stored.npz', 'deflated.npz', 'snappy.parquet', 'gzip.parquet', 'zstd-v2.parquet', 'delta.parquet']) {
    test(`survives damage anywhere in ${file}: it is read, or refused in words`, async () => {
      const whole = await readFile(`${FOREIGN}/${file}`);
      const next = uniform(7);
      for (let i = 0; i < 60; i++) {
        const damaged = Buffer.from(i % 3 === 0 ? whole.subarray(0, Math.floor(next() * whole.length)) : whole);
        for (let flips = 0; i % 3 > 0 && flips < i % 7 + 1; flips++) damaged[Math.floor(next() * damaged.length)] = Math.floor(next() * 256);
        await writeFile(path, damaged);
        try {
          await readAll(path);
        } catch (error) {
          assert.instance(error, QuantpipeError, `${file}, damage ${i}: ${(error as Error).stack}`);
        }
      }
    });
  }
});
