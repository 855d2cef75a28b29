import * as assert from 'uvu/assert';

import type { EngineName } from '../../pipeline/engine/index.ts';
import { openSource } from '../../pipeline/data/index.ts';
import { Kernels } from '../../pipeline/kernels/kernels.ts';
import { mergeStatistics } from '../../pipeline/observers/merge.ts';
import { suite } from '../support/suite.ts';
import { asText, backwards, fashionPlan, IMAGES, observed } from './plans.ts';

const plan = await fashionPlan();
const kernels = await Kernels.load();
const engines: readonly EngineName[] = ['web', 'native'];
const limit = 200; // not a multiple of the batch size
const batchSize = 16;

suite('calibrate/observe', test => {
  for (const engine of engines) {
    test(`${engine}: two workers find the same statistics as one`, async () => {
      const one = await observed(plan, IMAGES, { engine, limit, batchSize, workers: 1 });
      const two = await observed(plan, IMAGES, { engine, limit, batchSize, workers: 2 });
      assert.fixture(asText(two.statistics), asText(one.statistics));
      assert.equal([two.workers, two.engine], [2, engine]);
      assert.equal([...one.statistics.tensors.keys()], plan.taps);
    });
  }

  test('the order of the batches does not matter', async () => {
    const source = await openSource(IMAGES);
    const forwards = await observed(plan, source, { workers: 1, batchSize: 32 });
    const reversed = await observed(plan, backwards(source, 32), { workers: 2, batchSize: 32 });
    assert.is(forwards.statistics.samples, 512);
    assert.fixture(asText(reversed.statistics), asText(forwards.statistics));
  });

  test('the shards of a data set add up to the whole', async () => {
    const whole = await observed(plan, IMAGES, { limit, batchSize, workers: 1 });
    const shards = [];
    for (const index of [2, 0, 1]) shards.push(await observed(plan, IMAGES, { limit, batchSize, workers: 1, shard: { index, count: 3 } }));
    const sum = shards.map(({ statistics }) => statistics).reduce((a, b) => mergeStatistics(kernels, a, b));
    assert.fixture(asText(sum), asText(whole.statistics));
  });

  test('progress counts samples and batches up to the total', async () => {
    const { progress } = await observed(plan, IMAGES, { limit: 40, batchSize, workers: 2 });
    assert.equal(progress.map(({ samples, batches, total }) => [samples, batches, total]), [[16, 1, 40], [32, 2, 40], [40, 3, 40]]);
  });
});
