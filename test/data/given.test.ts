// Samples that a program hands over, and test data of ONNX models.
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

  const refused: [name: string, items: unknown[], message: string][] = [
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
