import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as assert from 'uvu/assert';

import { blocks, openSource, type Block, type BlockOptions, type Source } from '../../pipeline/data/index.ts';
import { suite } from '../support/suite.ts';

const FOREIGN = 'fixtures/data/foreign';

async function collect(source: Source, options: BlockOptions): Promise<Block[]> {
  const all: Block[] = [];
  for await (const block of blocks(source, options)) all.push(block);
  return all;
}

const hex = (all: readonly Block[]) => all.map(({ index, bytes }) => `${index} ${Buffer.from(bytes).toString('hex')}`);

/** The file in pieces of some bytes each, as a pipe would give it. */
async function* pieces(path: string, size = 1000): AsyncGenerator<Uint8Array> {
  const bytes = await readFile(path);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

suite('data/shards', test => {
  let folder: string;
  test.before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quantpipe-shards-'));
    await mkdir(join(folder, 'samples'));
    const array = (width: number) => {
      const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (2, ${width}), }`.padEnd(117) + '\n';
      return Buffer.concat([Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0]), Buffer.from(header), Buffer.alloc(2 * width, width)]);
    };
    for (let i = 0; i < 20; i++) await writeFile(join(folder, 'samples', `${String(i).padStart(3, '0')}.npy`), array(i % 3 + 1));
  });
  test.after(() => rm(folder, { recursive: true }));

  const sources: [name: string, open: () => Promise<Source>][] = [
    ...['plain.arrow', 'lz4.arrow', 'plain.arrows', 'float32.npy', 'stored.npz', 'deflated.npz', 'snappy.parquet', 'gzip.parquet'].map(name => [name, () => openSource(`${FOREIGN}/${name}`)] as [string, () => Promise<Source>]),
    ['a stream on standard input', () => openSource('-', { stdin: pieces(`${FOREIGN}/zstd.arrows`) })],
    ['a folder of samples', () => openSource(join(folder, 'samples'))],
  ];
  for (const [name, open] of sources) {
    test(`the shards of ${name} are its blocks, each once`, async () => {
      for (const size of [1, 3, 8]) {
        const whole = hex(await collect(await open(), { size }));
        assert.ok(whole.length >= 3);
        const shards: Block[] = [];
        for (let index = 0; index < 3; index++) shards.push(...await collect(await open(), { size, shard: { index, count: 3 } }));
        assert.equal(hex(shards.sort((a, b) => a.index - b.index)), whole);
        assert.equal(hex(await collect(await open(), { size, from: 2 })), whole.slice(2));
        assert.equal(hex(await collect(await open(), { size, from: 1, limit: 2 * size })), whole.slice(1, 2));
      }
    });
  }

  test('holds a folder of samples in the order of their names, ragged where they differ', async () => {
    const source = await openSource(join(folder, 'samples'));
    assert.is(source.rows, 20);
    assert.equal(source.columns.map(({ name, dtype, shape }) => [name, dtype, shape]), [['sample', 'uint8', [2, null]]]);
  });

  test('takes the files of a folder for columns where they are those wanted, or there is a label.npy', async () => {
    const arrays = join(folder, 'arrays');
    await mkdir(arrays);
    for (const name of ['mask', 'ids']) await writeFile(join(arrays, `${name}.npy`), await readFile(`${FOREIGN}/int64.npy`));
    const names = async (columns?: string[]) => (await openSource(arrays, columns ? { columns } : {})).columns.map(({ name }) => name);
    assert.equal(await names(), ['sample']);
    assert.equal(await names(['ids', 'other']), ['sample']);
    assert.equal(await names(['mask', 'ids']), ['ids', 'mask']);
    await writeFile(join(arrays, 'label.npy'), await readFile(`${FOREIGN}/int64.npy`));
    assert.equal(await names(), ['ids', 'label', 'mask']);
  });

  test('lets go of standard input when it has enough', async () => {
    let isClosed = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        yield* pieces(`${FOREIGN}/plain.arrows`, 500);
        assert.unreachable('more was read than was asked for');
      } finally {
        isClosed = true;
      }
    }
    const found = await collect(await openSource('-', { stdin: endless() }), { size: 2, limit: 4 });
    assert.is(found.length, 2);
    assert.ok(isClosed);
  });

  test('says that standard input must be a stream when it is given a file', async () => {
    const error = await openSource('-', { stdin: pieces(`${FOREIGN}/plain.arrow`) }).catch(error => error);
    assert.is(error.code, 'data-invalid');
    assert.is(error.message, 'standard input is an Arrow file, which is read from its end; an Arrow stream is needed here: give the path of the data, or write them as an Arrow stream');
  });
});
