import { copyFile, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { QuantpipeError } from '../../pipeline/base/errors.ts';
import type { CalibrateOptions, Observation } from '../../pipeline/calibrate/calibrate.ts';
import { calibrationPlan } from '../../pipeline/calibrate/plan.ts';
import { openSource, type Source } from '../../pipeline/data/index.ts';
import type { EngineName } from '../../pipeline/engine/index.ts';
import { Kernels } from '../../pipeline/kernels/kernels.ts';
import { mergeStatistics } from '../../pipeline/observers/merge.ts';
import { buildModel, runModel } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';
import { asText, backwards, fashionPlan, IMAGES, observed, placeEverywhere, preparedModel } from './plans.ts';

const plan = await fashionPlan();
const kernels = await Kernels.load();
const engines: readonly EngineName[] = ['web', 'native'];
const settings = { limit: 44, batchSize: 8 }; // the last block is not full

/** One worker's view, found once. */
const alone = new Map<EngineName, Promise<Observation>>();
function byOneWorker(engine: EngineName): Promise<Observation> {
  if (!alone.has(engine)) alone.set(engine, observed(plan, IMAGES, { ...settings, engine, workers: 1 }));
  return alone.get(engine)!;
}

async function failure(source: Source | string, options: CalibrateOptions, planned = plan): Promise<QuantpipeError> {
  const error = await observed(planned, source, options).then(() => null, (error: unknown) => error);
  assert.instance(error, QuantpipeError);
  return error as QuantpipeError;
}

suite('calibrate/observe', test => {
  for (const engine of engines) {
    test(`${engine}: two workers find the same statistics as one`, async () => {
      const [one, two] = [await byOneWorker(engine), await observed(plan, IMAGES, { ...settings, engine, workers: 2 })];
      assert.fixture(asText(two.statistics), asText(one.statistics));
      assert.equal([two.workers, two.engine], [2, engine]);
      assert.equal([...one.statistics.tensors.keys()], plan.taps);
      assert.equal(two.progress.map(({ samples }) => samples), [8, 16, 24, 32, 40, 44]);
      assert.equal(two.progress.at(-1), { samples: 44, total: 44, batches: 6, setAside: 0, resumed: 0, retries: 0, memory: two.plan, apartBytes: 0 });
    });
  }

  test('a request that the server of the data refused once is among the retries', async () => {
    const content = await readFile(IMAGES), small = { ...settings, engine: 'web', workers: 1 } as const;
    let isBusy = false;
    const server = createServer((request, response) => {
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range!)!, end = Math.min(Number(last) + 1, content.length);
      if (isBusy) response.writeHead(503).end();
      else response.writeHead(206, { 'content-range': `bytes ${first}-${end - 1}/${content.length}` }).end(content.subarray(Number(first), end));
      isBusy = false;
    });
    await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve); });
    try {
      const source = await openSource(`http://127.0.0.1:${(server.address() as AddressInfo).port}/images.arrow`);
      isBusy = true;
      const { statistics, progress } = await observed(plan, source, small);
      assert.is(progress.at(-1)!.retries, 1);
      assert.fixture(asText(statistics), asText((await byOneWorker('web')).statistics));
    } finally {
      server.close();
    }
  });

  test('the statistics are those of the values that the engine computes', async () => {
    const model = buildModel({ inputs: { x: ['N', 1, 28, 28] }, nodes: [{ op: 'GlobalMaxPool', in: ['x'], out: ['y'] }], outputs: { y: ['N', 1, 1, 1] } });
    const small = calibrationPlan(model, placeEverywhere(model));
    const { statistics } = await observed(small, IMAGES, { limit: 3, batchSize: 2, workers: 1, preprocess: { scale: 1 } });
    const pixels = await rawPixels(3);
    const { y } = await runModel(model, { x: float32Tensor([3, 1, 28, 28], pixels) });
    assert.equal(statistics.tensors.get('x'), kernels.observe(pixels));
    assert.equal(statistics.tensors.get('y'), kernels.observe(y!.data as Float32Array));
  });

  test('the order of the batches does not matter', async () => {
    const source = await openSource(IMAGES);
    const options = { engine: 'native', batchSize: 64 } as const;
    const forwards = await observed(plan, source, { ...options, workers: 1 });
    const reversed = await observed(plan, backwards(source, 64), { ...options, workers: 2 });
    assert.is(forwards.statistics.samples, 512);
    assert.fixture(asText(reversed.statistics), asText(forwards.statistics));
  });

  test('the shards of a data set add up to the whole', async () => {
    const shards = await Promise.all([2, 0, 1].map(index => observed(plan, IMAGES, { ...settings, engine: 'native', workers: 1, shard: { index, count: 3 } })));
    const sum = shards.map(({ statistics }) => statistics).reduce((a, b) => mergeStatistics(kernels, a, b));
    assert.fixture(asText(sum), asText((await byOneWorker('native')).statistics));
    assert.equal(shards.map(({ progress }) => progress.at(-1)!.total), [12, 16, 16]);
  });

  test('shards that were read in different ways do not add up, wherever their data lie', () => inFolder(async folder => {
    await copyFile(IMAGES, join(folder, 'copy.arrow'));
    const half = async (index: number, path: string, seed: number, options: CalibrateOptions = {}) =>
      (await observed(plan, await openSource(path, { sample: { count: 16, seed } }), { batchSize: 8, engine: 'native', workers: 1, shard: { index, count: 2 }, ...options })).statistics;
    const first = await half(0, IMAGES, 1);
    assert.is(mergeStatistics(kernels, first, await half(1, join(folder, 'copy.arrow'), 1)).shards, null);
    for (const other of [await half(1, IMAGES, 2), await half(1, IMAGES, 1, { preprocess: { scale: 0.5 } })]) {
      assert.throws(() => mergeStatistics(kernels, first, other), /^shard 1\/2 of blocks of 8 samples of 16 do not merge with shard 0\/2 .*: they were read in different ways/);
    }
  }));

  test('what was prepared in different ways does not add up, and what was prepared in the same way does, in whatever form it lies', async () => {
    const some = async (options: CalibrateOptions = {}, source?: Source) => (await observed(plan, source ?? await openSource(IMAGES), { batchSize: 8, engine: 'native', workers: 1, limit: 8, ...options })).statistics;
    const first = await some();
    const stream = await some({}, { ...await openSource(IMAGES), rows: null, name: 'elsewhere' });
    assert.is(mergeStatistics(kernels, first, stream).samples, 16);
    for (const other of [await some({ preprocess: { scale: 1 } }), await some({ engine: 'web' })]) assert.throws(() => mergeStatistics(kernels, first, other), /prepared in one way .* preprocessing or engine differ/);
  });

  test('shards of a stream up to different limits do not add up', async () => {
    const half = async (index: number, limit: number) =>
      (await observed(plan, { ...await openSource(IMAGES), rows: null }, { batchSize: 8, engine: 'native', workers: 1, shard: { index, count: 2 }, limit })).statistics;
    const first = await half(0, 16);
    assert.is(mergeStatistics(kernels, first, await half(1, 16)).shards, null);
    const other = await half(1, 24);
    assert.throws(() => mergeStatistics(kernels, first, other), /^shard 1\/2 of blocks of 8 samples do not merge with shard 0\/2 .*: they were read in different ways/);
  });

  test('there are no more workers than blocks', async () => {
    const { workers } = await observed(plan, IMAGES, { ...settings, engine: 'native', workers: 1000, batchSize: 8, limit: 16 });
    assert.is(workers, 2);
  });

  test('an aborted signal ends it with its reason, even while the source waits', async () => {
    const controller = new AbortController();
    const reason = new QuantpipeError('interrupted', 'stopped');
    const source = await openSource(IMAGES);
    const stuck: Source = {
      ...source,
      async *batches() {
        for await (const batch of source.batches()) yield batch.slice(0, 20);
        setTimeout(() => controller.abort(reason), 10);
        await new Promise(() => {});
      },
    };
    assert.is(await failure(stuck, { batchSize: 8, workers: 1, signal: controller.signal }), reason);
  });

  test('an operator that the engine does not know is an error that names operator and node', async () => {
    const model = buildModel({ inputs: { x: ['N', 1, 28, 28] }, nodes: [{ op: 'Frobnicate', name: 'odd', in: ['x'], out: ['y'] }], outputs: { y: ['N', 1, 28, 28] } });
    const { code, message } = await failure(IMAGES, { engine: 'web', workers: 1, limit: 1 }, calibrationPlan(model, placeEverywhere(model)));
    assert.is(code, 'engine-failed');
    assert.match(message, /Frobnicate.*'odd'/);
  });

  test('a model that computes NaN is observed to the end', async () => {
    const model = await preparedModel();
    const wide = { ...plan, tapped: plan.tapped };
    const { statistics } = await observed(wide, IMAGES, { ...settings, engine: 'native', workers: 1, preprocess: { scale: 3e38 } });
    const { bins, counts } = statistics.tensors.get(model.graph.inputs[0]!.name)!;
    assert.is(counts[bins.indexOf(0x7f80)] !== undefined, true, 'infinities are counted');
  });
});

/** The first images of the fixture, as they are stored. */
async function rawPixels(count: number): Promise<Float32Array> {
  for await (const batch of (await openSource(IMAGES)).batches()) {
    const image = batch.schema.fields.findIndex(({ name }) => name !== 'label');
    let data = batch.data.children[image]!;
    while (data.children.length > 0) data = data.children[0]!;
    return Float32Array.from((data.values as Uint8Array).subarray(0, count * 28 * 28));
  }
  throw new Error('no batch');
}
