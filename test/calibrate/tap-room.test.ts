import * as assert from 'uvu/assert';

import type { Feeds } from '../../pipeline/base/tensor.ts';
import { COPIES } from '../../pipeline/calibrate/memory-plan.ts';
import { NoRoom } from '../../pipeline/calibrate/no-room.ts';
import { TapRoom } from '../../pipeline/calibrate/tap-room.ts';
import type { RunLimits } from '../../pipeline/calibrate/protocol.ts';
import { TapSessions } from '../../pipeline/calibrate/tap-sessions.ts';
import type { BlockFeeds } from '../../pipeline/data/index.ts';
import { type Engine, openEngine } from '../../pipeline/engine/index.ts';
import { writeModel } from '../../pipeline/index.ts';
import { buildModel } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';

/** Two taps with as many elements as the input. */
const model = buildModel({ inputs: { x: ['N'] }, nodes: [{ op: 'Relu', in: ['x'], out: ['y'] }, { op: 'Neg', in: ['y'], out: ['z'] }], outputs: { y: ['N'], z: ['N'] } });

/** One block of one run, of so many samples. */
function blockOf(elements: number, rows = 1): BlockFeeds {
  const feeds: Feeds = { x: { dtype: 'float32', dims: [elements], data: new Float32Array(elements) } };
  return { largest: () => elements, largestSample: () => elements / rows, *[Symbol.iterator]() { yield { rows, feeds }; } } as unknown as BlockFeeds;
}

suite('calibrate/tap-room', test => {
  let engine: Engine, runs = 0;
  test.before(async () => { engine = await openEngine('web'); });
  const room = () => {
    const setup = { model: writeModel(model), folder: null, taps: ['y', 'z'], engine: 'web' as const, inputs: [], bindings: [] };
    const counting: Engine = { ...engine, load: async (bytes, options) => {
      const session = await engine.load(bytes, options);
      return { inputs: session.inputs, outputs: session.outputs, close: () => session.close(), run: (...args) => { runs++; return session.run(...args); } };
    } };
    runs = 0;
    return new TapRoom(setup, new TapSessions(counting, setup));
  };
  /** Measured with 100 elements: taps of 400 bytes each. */
  const limits = (bytes: number): RunLimits => ({ bytes, running: 0, elements: Infinity, sessions: 1, known: { elements: 100, sample: 100, taps: [100, 100] } });

  test('a run up to eight times as large as what was measured is planned by that, in proportion', async () => {
    const both = await room().fit(blockOf(800), limits(COPIES * 2 * 3200));
    assert.equal([both.groups, both.tapBytes, both.learnt], [[{ from: 0, to: 2 }], [3200, 3200], null]);
    assert.is(runs, 1, 'counted, because attention would have made them eight times as large');
    assert.is((await room().fit(blockOf(800), limits(COPIES * 3200))).groups.length, 2);
  });

  test('more samples of the size that was measured are no larger: they have as many taps each', async () => {
    const many = await room().fit(blockOf(6400, 64), limits(COPIES * 2 * 4 * 6400));
    assert.equal([many.groups.length, many.tapBytes, runs], [1, [25_600, 25_600], 0]);
    assert.is((await room().fit(blockOf(6400, 64), limits(COPIES * 4 * 6400))).groups.length, 2);
  });

  test('a larger one needs to be alone, unless as much fits as taps that grow with the square of it take, and computing as much again', async () => {
    const worst = 4 * 200 * 9 ** 2;
    await room().fit(blockOf(900), limits((1 + COPIES) * worst));
    assert.is(runs, 0, 'nothing can go wrong');
    const error = await room().fit(blockOf(900), limits((1 + COPIES) * worst - 1)).then(() => null, (thrown: unknown) => thrown);
    assert.instance(error, NoRoom);
    assert.is(runs, 0, 'nor is it tried');
  });

  test('where computing leaves nothing for taps, nothing is run to count them', async () => {
    const error = await room().fit(blockOf(200), { ...limits(1000), running: 5 }).then(() => null, (thrown: unknown) => thrown);
    assert.instance(error, NoRoom);
    assert.is(runs, 0);
  });

  test('alone it is measured, whatever was known', async () => {
    const { groups, tapBytes, learnt } = await room().fit(blockOf(4000), { ...limits(2 ** 40), isAlone: true });
    assert.equal([groups.length, tapBytes, learnt!.known, runs], [1, [16_000, 16_000], { elements: 4000, sample: 4000, taps: [4000, 4000] }, 1]);
    assert.ok(learnt!.loadedBytes > 0 && learnt!.peakBytes >= learnt!.loadedBytes && learnt!.running >= 0);
  });
});
