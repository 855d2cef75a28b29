// Samples that a program hands over, and test data of ONNX models.
import { createRequire } from 'node:module';
import * as arrow from 'apache-arrow';
import { Tensor as Ort } from 'onnxruntime-web';
import * as assert from 'uvu/assert';

import type { Tensor } from '../../pipeline/base/tensor.ts';
import { bindInputs, blocks, openSource, type Given } from '../../pipeline/data/index.ts';
import { QuantSim } from '../../pipeline/index.ts';
import { suite } from '../support/suite.ts';
import { failure, readColumn } from './reading.ts';

const FOREIGN = 'fixtures/data/foreign';
const CNN = 'fixtures/models/fmnist-cnn.onnx', IMAGES = 'fixtures/data/fmnist-calibration.arrow';

const floats = (...dims: number[]): Tensor => ({ dtype: 'float32', dims, data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => i) });

async function* later<T>(...items: T[]): AsyncGenerator<T> {
  for (const item of items) yield item;
}

suite('data/given', test => {
  test('reads tensors by input name, whose first axis counts samples', async () => {
    const source = await openSource(later({ x: floats(3, 2) }, { x: floats(2, 2) }));
    assert.equal(source.columns.map(({ name, dtype, shape }) => [name, dtype, shape]), [['x', 'float32', [null]]]);
    const { samples, dims } = await readColumn(source, 'x', 'float32', ['N', 2]);
    assert.equal(samples, [[0, 1], [2, 3], [4, 5], [0, 1], [2, 3]]);
    assert.equal(dims, [[4, 2], [1, 2]]);
  });

  test('reads tensors of different shapes, one sample at a time', async () => {
    const { samples } = await readColumn(await openSource([{ x: floats(1, 3) }, { x: floats(1, 1) }, { x: floats(2, 2) }]), 'x', 'float32', ['N', 'T']);
    assert.equal(samples, [[0, 1, 2], [0], [0, 1], [2, 3]]);
  });

  test('reads an array as often as it is asked, a generator once', async () => {
    const array = await openSource([{ x: floats(2, 2) }]), generator = await openSource(later({ x: floats(2, 2) }));
    for (let i = 0; i < 3; i++) assert.is((await readColumn(array, 'x', 'float32', ['N', 2])).samples.length, 2);
    assert.is((await readColumn(generator, 'x', 'float32', ['N', 2])).samples.length, 2);
    assert.equal(await failure(() => readColumn(generator, 'x', 'float32', ['N', 2])), { code: 'data-invalid', message: 'the given data holds no samples' });
  });

  test('calibrates the same from batches and from tensors as from the file they come from', async () => {
    const statistics = async (data: Parameters<QuantSim['observe']>[0]) => {
      const sim = await QuantSim.open(CNN);
      for await (const progress of sim.observe(data, { workers: 1, batchSize: 16, limit: 64, engine: 'web' })) assert.ok(progress.samples <= 64);
      return [...sim.statistics.tensors].map(([tensor, { min, max, counts }]) => [tensor, min, max, counts.join()]);
    };
    const { preprocess } = (await openSource(IMAGES)).columns[0]!;
    async function* batches() { yield* (await openSource(IMAGES)).batches(); }
    async function* tensors(): AsyncGenerator<Given> {
      const { name } = (await openSource(IMAGES)).columns[0]!;
      for await (const batch of (await openSource(IMAGES)).batches()) {
        const pixels = batch.getChild(name)!.data[0]!.children[0]!.values as Uint8Array;
        const data = Float32Array.from(pixels.subarray(0, batch.numRows * 784), value => (value * preprocess!.scale - preprocess!.mean[0]!) / preprocess!.std[0]!);
        yield { input: { dtype: 'float32', dims: [batch.numRows, 1, 28, 28], data } };
      }
    }
    const expected = await statistics(IMAGES);
    assert.equal(await statistics(batches()), expected);
    assert.equal(await statistics(tensors()), expected);
  });

  // apache-arrow's CommonJS build shares no class with the other: it stands for every copy that a program has of its own
  const other = createRequire(import.meta.url)('apache-arrow') as typeof arrow;

  test('reads batches and tables of another copy of apache-arrow as those of its own', async () => {
    const images: arrow.RecordBatch[] = [];
    for await (const batch of (await openSource(IMAGES)).batches()) images.push(batch);
    const file = arrow.tableToIPC(new arrow.Table(images));
    const [ours, theirs] = [arrow.tableFromIPC(file), other.tableFromIPC(file)];
    assert.not.ok(Object.prototype.isPrototypeOf.call(arrow.RecordBatch.prototype, theirs.batches[0]!), 'another copy');
    const content = async (given: Iterable<Given>) => {
      const all: string[] = [];
      for await (const { bytes } of blocks(await openSource(given), { size: 100 })) all.push(Buffer.from(bytes).toString('hex'));
      return all;
    };
    const expected = await content(ours.batches);
    assert.ok(expected.length > 5);
    assert.equal(await content(theirs.batches as unknown as Given[]), expected);
    assert.equal(await content(theirs as unknown as Given[]), expected, 'a table');
    assert.equal(await content(ours as unknown as Given[]), expected, 'a table of its own');
    assert.equal(await content([theirs.slice(3, 200).batches, theirs.slice(203, 512).batches].flat() as unknown as Given[]), await content([ours.slice(3, 200).batches, ours.slice(203, 512).batches].flat()), 'slices');
  });

  test('reads columns of every type that feeds a model from another copy of apache-arrow', async () => {
    const { vectorFromArray, Bool, Float16, Float64, Int64, LargeUtf8, List, Field, Float32, Utf8, DateDay } = other;
    const vectors = {
      bool: vectorFromArray([true, false, true], new Bool()), half: vectorFromArray([1, 2, 3], new Float16()), double: vectorFromArray([1, 2, 3], new Float64()), long: vectorFromArray([1n, 2n, 3n], new Int64()),
      text: vectorFromArray(['a', 'b', 'ccc'], new Utf8()), large: vectorFromArray(['a', 'b', 'ccc'], new LargeUtf8()), list: vectorFromArray([[1], [2, 3], []], new List(new Field('item', new Float32()))),
    };
    const [batch] = new other.Table(vectors).batches;
    const source = await openSource([batch as unknown as Given]);
    assert.equal(source.columns.map(({ name, dtype, shape }) => `${name} ${dtype}[${shape.join()}]`), ['bool bool[]', 'half float16[]', 'double float64[]', 'long int64[]', 'text string[]', 'large string[]', 'list float32[]']);
    for await (const read of source.batches()) assert.equal(JSON.stringify(read.toArray().map(row => ({ ...row!.toJSON(), long: Number(row!['long']) }))), JSON.stringify(batch!.toArray().map(row => ({ ...row!.toJSON(), long: Number(row!['long']) }))));
    const flags = Array.from({ length: 20 }, (_, i) => i * i % 7 < 2), [sliced] = new other.Table({ flag: vectorFromArray(flags, new Bool()) }).slice(3, 14).batches; // bits do not begin at a byte
    for await (const read of (await openSource([sliced as unknown as Given])).batches()) assert.equal([...read.getChild('flag')!], flags.slice(3, 14));
    const dates = new other.Table({ day: vectorFromArray([new Date(0)], new DateDay()) }).batches;
    assert.equal(await failure(() => openSource(dates as unknown as Given[])), { code: 'data-invalid', message: "the given data, column 'day': of another copy of apache-arrow than quantpipe's, columns of type Date32<DAY> are not read: leave it out" });
  });

  test("reads onnxruntime's own tensors", async () => {
    const source = await openSource([{ x: new Ort('float32', Float32Array.of(1, 2, 3, 4), [2, 2]) } as unknown as Given]);
    assert.equal((await readColumn(source, 'x', 'float32', ['N', 2])).samples, [[1, 2], [3, 4]]);
  });

  const refused: [name: string, items: unknown[], message: string][] = [
    ['null', [null], 'the given data hold something that is neither a record batch nor tensors by input name'],
    ['a tensor without data', [{ x: { dtype: 'float32', dims: [1], values: new Float32Array(1) } }], "the given data, 'x': a tensor of float32 needs a Float32Array, got no data"],
    ['nothing', [], 'the given data hold no samples'],
    ['a number', [5], 'the given data hold something that is neither a record batch nor tensors by input name'],
    ['arrays that are no tensors', [{ x: [1, 2, 3] }], "the given data, 'x': tensors of undefined are not read"],
    ['values of another type', [{ x: { dtype: 'float32', dims: [1], data: new Float64Array(1) } }], "the given data, 'x': a tensor of float32 needs a Float32Array, got Float64Array"],
    ['too few values', [{ x: { dtype: 'float32', dims: [2, 3], data: new Float32Array(5) } }], "the given data, 'x': a shape of [2, 3] needs 6 values, there are 5"],
    ['inputs of different lengths', [{ x: floats(2, 1), y: floats(3, 1) }], "the given data: 'x' has 2 samples, 'y' has 3"],
    ['other inputs than at first', [{ x: floats(1, 2) }, { y: floats(1, 2) }], "the given data have the columns 'x' Struct<{data:List<Float32>, shape:FixedSizeList[1]<Int32>}> at first, and then 'y' Struct<{data:List<Float32>, shape:FixedSizeList[1]<Int32>}>"],
  ];
  for (const [name, items, message] of refused) {
    test(`refuses ${name}`, async () => {
      const error = await failure(async () => { for await (const block of blocks(await openSource(items as Given[]), { size: 1 })) assert.is(block.rows, 1); });
      assert.equal(error, { code: 'data-invalid', message });
    });
  }

  test('reads the test data of ONNX models, by name or by order, in the order of their numbers', async () => {
    const source = await openSource(`${FOREIGN}/test-data`, { columns: ['first', 'mask'] });
    assert.is(source.rows, 12);
    assert.equal(source.columns.map(({ name, dtype, shape }) => [name, dtype, shape]), [['first', 'int64', [null, null]], ['mask', 'float32', [null, null]]]);
    const expected = Array.from({ length: 12 }, (_, r) => Array.from({ length: r + 2 }, (_, i) => (7 * r + i) % 100));
    for (const [column, dtype] of [['first', 'int64'], ['mask', 'float32']] as const) {
      const { samples, dims } = await readColumn(source, column, dtype, ['N', 'T']);
      assert.equal(samples, expected);
      assert.equal(dims.at(-1), [1, 13]);
    }
    const one = await openSource(`${FOREIGN}/test-data/test_data_set_3`);
    assert.equal([one.rows, one.columns.map(({ name }) => name)], [1, ['input_0', 'mask']]);
    assert.is(bindInputs(source, [{ name: 'first', dtype: 'int64', shape: ['N', 'T'] }])[0]!.column, 'first');
  });
});
