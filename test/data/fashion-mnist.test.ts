import * as assert from 'uvu/assert';

import { bindInputs, blocks, BlockFeeds, labels, openSource } from '../../pipeline/data/index.ts';
import { suite } from '../support/suite.ts';

const inputs = [{ name: 'input', dtype: 'float32', shape: ['N', 1, 28, 28] }] as const;

suite('data/fashion-mnist', test => {
  test('opens the committed sets, which say themselves how they are read', async () => {
    const source = await openSource('fixtures/data/fmnist-evaluation.arrow');
    assert.is(source.rows, 2000);
    assert.equal(source.columns.map(({ name, dtype, shape }) => [name, dtype, shape]), [['input', 'uint8', [1, 28, 28]], ['label', 'int32', []]]);
    assert.equal(bindInputs(source, inputs)[0]!.preprocess, { scale: 1 / 255, mean: [0.286], std: [0.353], layout: 'nchw' });
  });

  test('feeds normalized images in whole blocks, and their labels', async () => {
    const source = await openSource('fixtures/data/fmnist-calibration.arrow');
    const bindings = bindInputs(source, inputs);
    let sum = 0, squares = 0, count = 0;
    const classes = Array<number>(10).fill(0);
    for await (const block of blocks(source, { size: 48 })) {
      const [feed, ...others] = new BlockFeeds(block.bytes, inputs, bindings);
      assert.is(others.length, 0);
      assert.equal(feed!.feeds['input']!.dims, [block.rows, 1, 28, 28]);
      for (const value of feed!.feeds['input']!.data as Float32Array) { sum += value; squares += value * value; count++; }
      const found = labels(block.bytes, 'label');
      assert.ok(found?.kind === 'classes');
      for (const label of found.values) classes[label]!++;
    }
    assert.is(count, 512 * 784);
    assert.ok(Math.abs(sum / count) < 0.05 && Math.abs(squares / count - 1) < 0.05, `mean ${sum / count}, variance ${squares / count} of normalized pixels`);
    assert.is(classes.reduce((a, b) => a + b), 512);
    assert.ok(Math.min(...classes) >= 35, `every class is there: ${classes.join(' ')}`);
  });
});
