// Files that pyarrow and numpy wrote (fixtures/make/foreign.py): sample r holds (7 r + i) % 100 at position i.
import * as assert from 'uvu/assert';

import type { DType } from '../../pipeline/base/tensor.ts';
import { bindInputs, type Block, BlockFeeds, blocks, type BlockOptions, labels, openSource } from '../../pipeline/data/index.ts';
import { suite } from '../support/suite.ts';
import { failure, readColumn } from './reading.ts';

const FOLDER = 'fixtures/data/foreign';
const ROWS = 23;
const numbers = ['float32', 'float64', 'float16', 'uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64'] as const satisfies DType[];

const sample = (row: number, size: number) => Array.from({ length: size }, (_, i) => (7 * row + i) % 100);
const samples = (size: number, rows = ROWS, first = 0) => Array.from({ length: rows }, (_, row) => sample(first + row, size));

async function texts(path: string, column: string): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const { bytes } of blocks(await openSource(path), { size: 5, columns: [column] })) {
    const found = labels(bytes, column);
    if (found?.kind === 'texts') all.push(...found.values);
  }
  return all;
}

suite('data/foreign', test => {
  for (const name of ['plain.arrow', 'lz4.arrow', 'zstd.arrow', 'plain.arrows', 'zstd.arrows', 'snappy.parquet', 'zstd-v2.parquet']) {
    test(`reads every type of column of ${name}`, async () => {
      const source = await openSource(`${FOLDER}/${name}`);
      assert.is(source.rows, name.endsWith('.arrows') ? null : ROWS);
      assert.ok(!source.columns.some(column => column.name === 'date'), 'dates are no column');
      for (const dtype of numbers) assert.equal((await readColumn(source, dtype, 'float32', ['N', 3])).samples, samples(3), dtype);
      assert.equal((await readColumn(source, 'bool', 'bool', ['N', 3])).samples, samples(3).map(row => row.map(value => value % 2)));
      const scalars = await readColumn(source, 'scalar', 'int64', ['N']);
      assert.equal(scalars.samples, samples(1));
      const nested = await readColumn(source, 'nested', 'float32', ['N', 2, 3]);
      assert.equal(nested.samples, samples(6));
      assert.equal(nested.dims[0], [4, 2, 3]);
      const tensors = await readColumn(source, 'tensor', 'float32', ['N', 1, 'H', 3]);
      assert.equal(tensors.samples, samples(6));
      assert.equal(tensors.dims[0], [4, 1, 2, 3]);
    });

    test(`reads ragged columns of ${name} sample by sample`, async () => {
      const source = await openSource(`${FOLDER}/${name}`);
      for (const column of ['list', 'large_list']) {
        const read = await readColumn(source, column, 'int64', ['N', 'T']);
        assert.equal(read.samples, Array.from({ length: ROWS }, (_, row) => sample(row, row % 4 + 1)), column);
        assert.equal(read.dims, Array.from({ length: ROWS }, (_, row) => [1, row % 4 + 1]));
      }
      const ragged = await readColumn(source, 'ragged', 'float32', ['N', 2, 'W']);
      assert.equal(ragged.samples, Array.from({ length: ROWS }, (_, row) => sample(row, 2 * (row % 3 + 1))));
      assert.equal(ragged.dims, Array.from({ length: ROWS }, (_, row) => [1, 2, row % 3 + 1]));
    });

    test(`reads the texts of ${name}, however they are stored`, async () => {
      const rows = Array.from({ length: ROWS }, (_, row) => `row ${row} ü`);
      for (const column of ['text', 'large_text', ...name.endsWith('.parquet') ? [] : ['view']]) assert.equal(await texts(`${FOLDER}/${name}`, column), rows, column);
      assert.equal(await texts(`${FOLDER}/${name}`, 'dictionary'), rows.map((_, row) => `class ${row % 3}`));
    });
  }

  test('reads a table that was written as a slice of another', async () => {
    const source = await openSource(`${FOLDER}/sliced.arrow`);
    for (const [column, dtype] of [['float32', 'float32'], ['bool', 'bool'], ['int64', 'int64']] as const) {
      const expected = samples(3, 11, 3).map(row => (column === 'bool' ? row.map(value => value % 2) : row));
      assert.equal((await readColumn(source, column, dtype, ['N', 3])).samples, expected, column);
    }
    assert.equal((await readColumn(source, 'list', 'int64', ['N', 'T'])).samples, Array.from({ length: 11 }, (_, i) => sample(i + 3, (i + 3) % 4 + 1)));
    assert.equal((await texts(`${FOLDER}/sliced.arrow`, 'text'))[0], 'row 3 ü');
  });

  for (const name of ['none', 'gzip', 'brotli', 'lz4', 'delta'].map(codec => `${codec}.parquet`)) {
    test(`reads ${name}, in which no column has a fixed size of its own`, async () => {
      const source = await openSource(`${FOLDER}/${name}`);
      assert.is(source.rows, ROWS);
      for (const dtype of ['float32', 'uint8', 'int64'] as const) {
        const read = await readColumn(source, dtype, 'float32', ['N', 3]);
        assert.equal(read.samples, samples(3), dtype);
        assert.equal(read.dims[0], [4, 3]);
      }
      assert.equal((await readColumn(source, 'float32', 'float32', ['N', 1, 3, 1])).dims[0], [4, 1, 3, 1]);
      assert.equal((await readColumn(source, 'bool', 'bool', ['N', 3])).samples, samples(3).map(row => row.map(value => value % 2)));
      assert.equal((await readColumn(source, 'scalar', 'int64', ['N'])).samples, samples(1));
      const nested = await readColumn(source, 'nested', 'float32', ['N', 2, 3]);
      assert.equal(nested.samples, samples(6));
      assert.equal(nested.dims[0], [4, 2, 3]);
      assert.equal((await readColumn(source, 'list', 'int64', ['N', 'T'])).samples, Array.from({ length: ROWS }, (_, row) => sample(row, row % 4 + 1)));
      assert.equal(await texts(`${FOLDER}/${name}`, 'text'), Array.from({ length: ROWS }, (_, row) => `row ${row} ü`));
    });
  }

  /** The samples of a column, and of those that cannot be read the places and why. */
  const withNulls = async (path: string, column: string, dtype: DType, options: Partial<BlockOptions> = {}) => {
    const source = await openSource(path), shape = source.columns.find(({ name }) => name === column)!.shape.map(dim => dim ?? 'T');
    const bad: string[] = [], bytes: Block['bytes'][] = [];
    for await (const block of blocks(source, { size: 3, columns: [column], ...options })) {
      bad.push(...block.bad.map(({ sample, reason }) => `${sample}: ${reason.replace(path, 'FILE')}`));
      if (block.rows > 0) bytes.push(block.bytes);
    }
    const inputs = [{ name: 'in', dtype, shape: ['N', ...shape] }], bindings = bindInputs(source, inputs, { inputs: { in: column } });
    const samples = bytes.flatMap(block => [...new BlockFeeds(block, inputs, bindings)].flatMap(({ rows, feeds }) => {
      const values = Array.from(feeds['in']!.data as Float32Array, Number), size = values.length / rows;
      return Array.from({ length: rows }, (_, row) => values.slice(row * size, (row + 1) * size));
    }));
    return { samples, bad };
  };
  const reason = (column: string) => `column '${column}' of FILE is null there, or holds a null`;
  const everyNull: [column: string, dtype: DType, sample: (row: number) => number[]][] = [
    ...(['float32', 'float64', 'float16', 'int32', 'int64', 'uint8', 'uint64'] as const).map((dtype): typeof everyNull[number] => [dtype, 'float32', row => sample(row, 1)]),
    ['bool', 'bool', row => [(7 * row) % 100 % 2]],
    ['fixed', 'float32', row => sample(row, 3)],
    ['list', 'int64', row => sample(row, row % 4 + 1)],
    ['nested', 'float32', row => [...sample(row, 3), ...sample(row, 3)]],
  ];
  for (const name of ['every-null.arrow', 'every-null.parquet']) {
    test(`passes over samples of ${name} that are null or hold a null, and tells of each`, async () => {
      const isList = (column: string) => ['fixed', 'list', 'nested'].includes(column);
      for (const [column, dtype, expected] of everyNull) {
        const { samples, bad } = await withNulls(`${FOLDER}/${name}`, column, dtype);
        const isBad = (row: number) => row % 5 === 2 || (row % 5 === 4 && isList(column));
        const rows = Array.from({ length: ROWS }, (_, row) => row);
        assert.equal(samples, rows.filter(row => !isBad(row)).map(expected), column);
        assert.equal(bad, rows.filter(isBad).map(row => `${row}: ${reason(column)}`), column);
      }
      assert.equal(await texts(`${FOLDER}/${name}`, 'text'), Array.from({ length: ROWS }, (_, row) => row % 5 === 2 ? [] : [`row ${row}`]).flat());
    });
  }

  test('a sample with a null in any of the columns that are read is left out of all of them, once', async () => {
    for (const name of ['nulls.arrow', 'nulls.parquet']) {
      const source = await openSource(`${FOLDER}/${name}`), bad: number[] = [], rows: number[] = [];
      for await (const block of blocks(source, { size: 4 })) {
        bad.push(...block.bad.map(({ sample }) => sample));
        rows.push(block.rows);
      }
      assert.equal([bad, rows], [[5, 6, 9], [4, 2, 2]], name);
    }
  });

  test('nulls of samples and columns that are not read are no fault', async () => {
    for (const path of [`${FOLDER}/nulls.arrow`, `${FOLDER}/nulls.parquet`]) {
      assert.equal((await withNulls(path, 'x', 'float32', { limit: 6 })).bad, []);
      assert.equal((await withNulls(path, 'x', 'float32', { limit: 7 })).bad, [`6: ${reason('x')}`]);
      assert.equal((await withNulls(path, 'x', 'float32', { shard: { index: 1, count: 2 } })).bad, []);
      assert.equal((await withNulls(path, 'x', 'float32', { shard: { index: 0, count: 2 } })).bad, [`6: ${reason('x')}`]);
    }
  });

  test('a null that is among the samples chosen is told of in its place', async () => {
    for (const name of ['every-null.arrow', 'every-null.parquet']) {
      const source = await openSource(`${FOLDER}/${name}`, { sample: { count: ROWS } }), bad: number[] = []; // all of them are chosen
      for await (const block of blocks(source, { size: 4, columns: ['int32'] })) bad.push(...block.bad.map(({ sample }) => sample));
      assert.equal(bad, [2, 7, 12, 17, 22], name);
    }
  });

  test('reads .npy arrays of every type', async () => {
    for (const dtype of numbers) {
      const source = await openSource(`${FOLDER}/${dtype}.npy`);
      assert.is(source.rows, ROWS);
      assert.equal(source.columns.map(({ name, dtype, shape }) => [name, dtype, shape]), [[dtype, dtype, [2, 3]]]);
      const read = await readColumn(source, dtype, 'float32', ['N', 2, 3]);
      assert.equal(read.samples, samples(6), dtype);
      assert.equal(read.dims[0], [4, 2, 3]);
    }
    const booleans = await readColumn(await openSource(`${FOLDER}/bool.npy`), 'bool', 'bool', ['N', 2, 3]);
    assert.equal(booleans.samples, samples(6).map(row => row.map(value => value % 2)));
  });

  for (const name of ['stored.npz', 'deflated.npz']) {
    test(`reads the arrays of ${name} side by side`, async () => {
      const source = await openSource(`${FOLDER}/${name}`);
      assert.is(source.rows, ROWS);
      assert.equal(source.columns.map(column => column.name), ['ids', 'mask', 'label']);
      assert.equal((await readColumn(source, 'ids', 'int64', ['N', 'T'])).samples, samples(4));
      assert.equal((await readColumn(source, 'mask', 'float32', ['N', 4])).samples, samples(4).map(row => row.map(value => value % 2)));
      assert.equal((await readColumn(source, 'label', 'int32', ['N'])).samples, samples(1));
    });
  }

  const refused: [file: string, message: string][] = [
    ['fortran.npy', 'it is in Fortran order; save it with numpy.ascontiguousarray'],
    ['big-endian.npy', "type '>f4' is not supported; supported are |b1 |i1 |u1 <i1 <u1 <i2 <u2 <i4 <u4 <i8 <u8 <f2 <f4 <f8"],
    ['records.npy', 'it holds records, columns must be plain arrays'],
    ['text.npy', "type '<U2' is not supported; supported are |b1 |i1 |u1 <i1 <u1 <i2 <u2 <i4 <u4 <i8 <u8 <f2 <f4 <f8"],
  ];
  for (const [file, fact] of refused) {
    test(`refuses ${file}, saying why`, async () => {
      const path = `${FOLDER}/${file}`;
      assert.equal(await failure(() => openSource(path)), { code: 'data-invalid', message: `${path} is not a .npy array that can be read: ${fact}` });
    });
  }

  test('refuses a .npy file of a single number', async () => {
    const path = `${FOLDER}/single.npy`;
    assert.equal(await failure(() => openSource(path)), { code: 'data-invalid', message: `${path} is a single number; its leading axis must count samples` });
  });
});
