// Files that pyarrow and numpy wrote (fixtures/make/foreign.py): sample r holds (7 r + i) % 100 at position i.
import * as assert from 'uvu/assert';

import type { DType } from '../../pipeline/base/tensor.ts';
import { blocks, type BlockOptions, labels, openSource } from '../../pipeline/data/index.ts';
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

  const nulls: [column: string, shape: readonly (number | string)[], fact: string][] = [
    ['x', ['N'], 'sample 6 is null; every sample needs a value'],
    ['y', ['N', 2], 'sample 9 holds a null; all of its values are needed'],
    ['z', ['N', 'T'], 'sample 5 is null; every sample needs a value'],
  ];
  for (const [column, shape, fact] of nulls) {
    test(`refuses nulls and names the sample: ${column}, ${fact}`, async () => {
      const [arrow, parquet] = [await openSource(`${FOLDER}/nulls.arrow`), await openSource(`${FOLDER}/nulls.parquet`)];
      assert.equal(await failure(() => readColumn(arrow, column, 'float32', shape)), { code: 'data-invalid', message: `column '${column}' of ${arrow.name}: ${fact}` });
      assert.equal(await failure(() => readColumn(parquet, column, 'float32', shape)), { code: 'data-invalid', message: `${parquet.name}, column '${column}${column === 'x' ? '' : '.list.element'}': ${fact}` });
    });
  }

  test('nulls of samples that are not read are no fault', async () => {
    const read = async (options: Partial<BlockOptions>) => {
      const found: number[] = [];
      for await (const { index } of blocks(await openSource(`${FOLDER}/nulls.arrow`), { size: 3, columns: ['x'], ...options })) found.push(index);
      return found;
    };
    assert.equal(await read({ limit: 6 }), [0, 1]);
    assert.equal(await read({ shard: { index: 1, count: 2 } }), [1, 3]);
    assert.is((await failure(() => read({ limit: 7 }))).message, `column 'x' of ${FOLDER}/nulls.arrow: sample 6 is null; every sample needs a value`);
    assert.is((await failure(() => read({ shard: { index: 0, count: 2 } }))).message, `column 'x' of ${FOLDER}/nulls.arrow: sample 6 is null; every sample needs a value`);
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
