import { Field, Float32, List, Schema, Table, vectorFromArray } from 'apache-arrow';
import fc from 'fast-check';
import * as assert from 'uvu/assert';

import type { DType } from '../../pipeline/base/tensor.ts';
import type { Values } from '../../pipeline/data/cast.ts';
import { columnsOf } from '../../pipeline/data/column.ts';
import { bindInputs, blocks, BlockFeeds, fixedBatch, openSource, type Block, type Source } from '../../pipeline/data/index.ts';
import { preprocessSamples } from '../../pipeline/data/preprocess.ts';
import { recordBatch } from '../../pipeline/data/record-batches.ts';
import { raggedData, raggedField, tensorData, tensorField } from '../../pipeline/data/tensor-columns.ts';
import { floatsFromHalves } from '../../pipeline/base/half.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { failure } from './reading.ts';

type Shape = readonly (number | string | null)[];
type ColumnValues = { readonly dtype: DType; readonly shape: readonly number[]; readonly values: Values } | { readonly dtype: DType; readonly samples: { shape: number[]; values: Values }[] };

/** A source of these columns in one batch. */
function sourceOf(columns: Readonly<Record<string, ColumnValues>>): Source {
  const fields: Field[] = [], data = [];
  for (const [name, column] of Object.entries(columns)) {
    if ('samples' in column) {
      fields.push(raggedField(name, column.dtype, Array<null>(column.samples[0]!.shape.length).fill(null)));
      data.push(raggedData(fields.at(-1)!, column.samples));
    } else {
      fields.push(tensorField(name, column.dtype, column.shape));
      data.push(tensorData(fields.at(-1)!, column.values, column.values.length / column.shape.reduce((a, b) => a * b, 1)));
    }
  }
  const batch = recordBatch(fields, data);
  return { name: 'made', rows: batch.numRows, columns: columnsOf(new Schema(fields), 'made'), async *batches() { yield batch; } };
}

async function blocksOf(source: Source, size: number): Promise<Block[]> {
  const all: Block[] = [];
  for await (const block of blocks(source, { size })) all.push(block);
  return all;
}

/** The feeds that a model with these inputs gets of all blocks. */
async function feedsOf(source: Source, inputs: readonly { name: string; dtype: DType; shape: Shape }[], size = 100, options = {}) {
  const bindings = bindInputs(source, inputs, options);
  return (await blocksOf(source, size)).flatMap(({ bytes }) => [...new BlockFeeds(bytes, inputs, bindings)]);
}

const twelve = { dtype: 'float32', shape: [2, 3], values: floats(72) } as const;
const x = (shape: Shape, dtype: DType = 'float32') => [{ name: 'x', dtype, shape }];

suite('data/feeds', test => {
  test('feeds a free batch dimension a block at a time, without copying float32', async () => {
    const source = sourceOf({ x: twelve });
    const [first] = await blocksOf(source, 8);
    const [feed, ...others] = new BlockFeeds(first!.bytes, x(['N', 2, 3]), bindInputs(source, x(['N', 2, 3])));
    assert.is(others.length, 0);
    assert.is(feed!.rows, 8);
    assert.equal(feed!.feeds['x']!.dims, [8, 2, 3]);
    assert.is((feed!.feeds['x']!.data as Float32Array).buffer, first!.bytes);
    assert.equal((await feedsOf(source, x(['N', 2, 3]), 8)).map(({ rows }) => rows), [8, 4]);
  });

  test('feeds a fixed batch what it reads', async () => {
    const source = sourceOf({ x: twelve });
    for (const [fixed, expected] of [[1, Array(12).fill(1)], [4, [4, 4, 4]], [12, [12]]] as const) {
      const inputs = x([fixed, 2, 3]);
      assert.is(fixedBatch(inputs, source, bindInputs(source, inputs)), fixed);
      const all = await feedsOf(source, inputs);
      assert.equal(all.map(({ rows }) => rows), expected);
      assert.equal(all.flatMap(({ feeds }) => Array.from(feeds['x']!.data as Float32Array)), Array.from(twelve.values));
      for (const { rows, feeds } of all) assert.equal(feeds['x']!.dims, [rows, 2, 3]);
    }
    assert.is(fixedBatch(x(['N', 2, 3]), source, bindInputs(source, x(['N', 2, 3]))), 1);
  });

  test('refuses a block that a fixed batch does not divide', async () => {
    assert.equal(await failure(() => feedsOf(sourceOf({ x: twelve }), x([5, 2, 3]), 10)), {
      code: 'data-invalid', message: "the model's input 'x' reads 5 samples at a time ([5, 2, 3]); samples 10 to 11 are 2",
    });
  });

  test('feeds samples one by one to a model without a batch dimension', async () => {
    const all = await feedsOf(sourceOf({ x: twelve }), x([2, 3]));
    assert.equal(all.map(({ rows, feeds }) => [rows, ...feeds['x']!.dims]), Array(12).fill([1, 2, 3]));
  });

  const ragged = (...widths: number[]): ColumnValues => ({ dtype: 'float32', samples: widths.map(width => ({ shape: [2, width], values: floats(2 * width, { seed: width }) })) });

  test('feeds ragged samples one by one, and a block of one shape at once', async () => {
    const source = sourceOf({ x: ragged(3, 3, 3, 5, 2, 3) });
    const all = await feedsOf(source, x(['N', 2, 'W']), 3);
    assert.equal(all.map(({ feeds }) => feeds['x']!.dims), [[3, 2, 3], [1, 2, 5], [1, 2, 2], [1, 2, 3]]);
    assert.equal(Array.from(all[1]!.feeds['x']!.data as Float32Array), Array.from(floats(10, { seed: 5 })));
  });

  test('cuts all inputs alike where one of them is ragged', async () => {
    const source = sourceOf({ x: ragged(1, 2), y: { dtype: 'int64', shape: [2], values: BigInt64Array.of(1n, 2n, 3n, 4n) } });
    const all = await feedsOf(source, [...x(['N', 2, 'W']), { name: 'y', dtype: 'int64', shape: ['N', 2] }]);
    assert.equal(all.map(({ feeds }) => [feeds['x']!.dims, feeds['y']!.dims, [...feeds['y']!.data as BigInt64Array]]), [[[1, 2, 1], [1, 2], [1n, 2n]], [[1, 2, 2], [1, 2], [3n, 4n]]]);
  });

  test('names the sample whose shape does not fit', async () => {
    const samples = [[2, 3], [2, 4], [3, 4]].map(shape => ({ shape, values: floats(shape[0]! * shape[1]!) }));
    assert.equal(await failure(() => feedsOf(sourceOf({ x: { dtype: 'float32', samples } }), x(['N', 2, 'W']), 2)), {
      code: 'data-invalid', message: "sample 2 of column 'x' has shape [3, 4], the model's input 'x' reads [N, 2, W]",
    });
    const lying = [{ shape: [2, 3], values: floats(5) }];
    assert.equal((await failure(() => feedsOf(sourceOf({ x: { dtype: 'float32', samples: lying } }), x(['N', 2, 'W'])))).message, "column 'x': a sample of shape [2, 3] holds 5 values");
  });

  const casts: [from: DType, values: Values, to: DType, expected: (number | bigint)[]][] = [
    ['uint8', Uint8Array.of(0, 255), 'float32', [0, 255]],
    ['int64', BigInt64Array.of(-5n, 7n), 'float32', [-5, 7]],
    ['float64', Float64Array.of(0.1, 1e300), 'float32', [Math.fround(0.1), Infinity]],
    ['float16', Uint16Array.of(0x3c00, 0xc000), 'float32', [1, -2]],
    ['float16', Uint16Array.of(0x3c00, 0xc000), 'float16', [0x3c00, 0xc000]],
    ['float32', Float32Array.of(1, -2), 'float16', [0x3c00, 0xc000]],
    ['int32', Int32Array.of(-1, 2), 'int64', [-1n, 2n]],
    ['uint64', BigUint64Array.of(0n, 2n ** 31n - 1n), 'int32', [0, 2 ** 31 - 1]],
    ['uint8', Uint8Array.of(0, 1), 'bool', [0, 1]],
    ['bool', Uint8Array.of(1, 0), 'int64', [1n, 0n]],
  ];
  for (const [from, values, to, expected] of casts) {
    test(`casts ${from} to ${to}`, async () => {
      const [feed] = await feedsOf(sourceOf({ x: { dtype: from, shape: [2], values } }), x(['N', 2], to));
      assert.is(feed!.feeds['x']!.dtype, to);
      assert.equal(Array.from(feed!.feeds['x']!.data as Float32Array), expected);
    });
  }

  test('refuses whole numbers that the model cannot hold', async () => {
    const source = sourceOf({ x: { dtype: 'int64', shape: [1], values: BigInt64Array.of(1n, 2n ** 31n) } });
    assert.equal(await failure(() => feedsOf(source, x(['N', 1], 'int32'))), { code: 'data-invalid', message: "column 'x' holds 2147483648, the model reads int32: -2147483648 to 2147483647" });
  });

  test('preprocesses as the equation says, in any layout', () => {
    const channels = fc.integer({ min: 1, max: 4 }), side = fc.integer({ min: 1, max: 4 });
    const numbers = (count: number) => fc.array(fc.double({ min: 0.5, max: 3, noNaN: true }), { minLength: count, maxLength: count });
    const cases = fc.tuple(channels, side, side, fc.integer({ min: 1, max: 3 })).chain(([c, h, w, n]) => fc.tuple(fc.constant({ c, h, w, n }), numbers(c), numbers(c), fc.double({ min: 0.1, max: 2, noNaN: true })));
    fc.assert(fc.property(cases, ([{ c, h, w, n }, mean, std, scale]) => {
      const raw = floats(n * c * h * w, { seed: c + h + w });
      const nchw = preprocessSamples(raw, n, [c, h, w], { scale, mean, std, layout: 'nchw' });
      const nhwc = preprocessSamples(raw, n, [h, w, c], { scale, mean, std, layout: 'nhwc' });
      for (let i = 0; i < raw.length; i++) {
        const [sample, channel, row, col] = [Math.floor(i / (c * h * w)), Math.floor(i / (h * w)) % c, Math.floor(i / w) % h, i % w];
        assert.is(nchw[i], Math.fround((raw[i]! * scale - mean[channel]!) / std[channel]!));
        const stored = ((sample * h + row) * w + col) * c + channel;
        assert.is(nhwc[i], Math.fround((raw[stored]! * scale - mean[channel]!) / std[channel]!));
      }
    }), { seed: 4, numRuns: 60 });
  });

  test('finds the channels of a model that reads them last', () => {
    const out = preprocessSamples(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), 1, [4, 1, 3], { scale: 1, mean: [1, 2, 3], std: [1], layout: 'nchw' });
    assert.equal(Array.from(out), [0, 0, 0, 3, 3, 3, 6, 6, 6, 9, 9, 9]);
  });

  test('preprocesses into half floats where the model reads them', async () => {
    const [feed] = await feedsOf(sourceOf({ x: { dtype: 'uint8', shape: [1, 2], values: Uint8Array.of(0, 255) } }), x(['N', 1, 2], 'float16'), 4, { preprocess: { scale: 1 / 255, mean: [0.5], std: [0.5] } });
    assert.equal(Array.from(floatsFromHalves(feed!.feeds['x']!.data as Uint16Array)), [-1, 1]);
  });

  test('a sample is called by its number in the data, whatever was left out before it', async () => {
    const table = new Table({ x: vectorFromArray([[1, 2], null, [3, 4], null, [5, 6, 7], [8, 9]], new List(new Field('item', new Float32(), true))) });
    const source = await openSource(table), inputs = [{ name: 'x', dtype: 'float32' as const, shape: ['N', 2] }], bindings = bindInputs(source, inputs);
    const [block] = await blocksOf(source, 6);
    assert.equal(block!.bad.map(({ sample }) => sample), [1, 3]);
    assert.match((await failure(async () => new BlockFeeds(block!.bytes, inputs, bindings))).message, /^sample 4 of column 'x' has shape \[3\]/);
  });
});
