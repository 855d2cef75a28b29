import * as assert from 'uvu/assert';
import fc from 'fast-check';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { afterAlone, leastBudget, type MemoryQuestion, planMemory, roomAlone } from '../../pipeline/calibrate/memory-plan.ts';
import { groupTaps } from '../../pipeline/calibrate/tap-groups.ts';
import { suite } from '../support/suite.ts';

const MiB = 2 ** 20;
/** A hundred taps of 2 MiB a sample, workers of 50 MiB. */
const question: MemoryQuestion = {
  budget: 4096 * MiB, mainBytes: 150 * MiB, workers: 4, block: 8, together: 1, blockBytes: MiB, modelBytes: 4 * MiB,
  cost: { elements: 1000, tapBytes: Array.from({ length: 100 }, () => 2 * MiB), runningBytes: 10 * MiB, workerBytes: 50 * MiB },
};
const plan = (change: Partial<MemoryQuestion>) => planMemory({ ...question, ...change });

suite('calibrate/memory-plan', test => {
  test('with memory to spare, everything is as it was asked for', () => {
    const { workers, samplesPerRun, groups } = plan({ budget: 64 * 1024 * MiB });
    assert.equal({ workers, samplesPerRun, groups }, { workers: 4, samplesPerRun: 8, groups: 1 });
  });

  test('with less there are first fewer samples in a run, then groups and fewer workers, and never more of anything', () => {
    const seen = [16384, 4096, 1500, 900, 500, 400].map(budget => plan({ budget: budget * MiB }));
    for (const [i, { estimateBytes, budgetBytes }] of seen.entries()) assert.ok(estimateBytes <= budgetBytes, `plan ${i}: ${estimateBytes} of ${budgetBytes}`);
    assert.ok(seen[1]!.workers === 4 && seen[1]!.samplesPerRun < 8 && seen[1]!.groups === 1);
    assert.equal([seen.at(-1)!.workers, seen.at(-1)!.samplesPerRun], [1, 1]);
    assert.ok(seen.at(-1)!.groups > 1);
    const speeds = seen.map(({ workers, groups }) => workers / groups);
    assert.equal(speeds, [...speeds].sort((a, b) => b - a));
  });

  test('what is planned, by hand: 9 tenths; 48 MiB that the main thread gains, 40 a worker; three blocks for each; a tap 2.25 times', () => {
    const perWorker = 50 + 40 + 3 * 1;
    assert.is(plan({ budget: 64 * 1024 * MiB }).estimateBytes, (150 + 48 + 4 * (perWorker + 8 * (10 + 2.25 * 200))) * MiB);
    assert.is(leastBudget(question), Math.ceil((150 + 48 + perWorker + 10 + 2.25 * 2) / 0.9) * MiB);
  });

  test('sessions of several groups are kept where two models for each further one leave room for as few groups', () => {
    const room = 100; // of one worker: 4 taps of 10 MiB, so 3 groups of 10 taps
    const asked = { workers: 1, budget: (150 + 48 + 93 + room) * MiB / 0.9, cost: { ...question.cost, tapBytes: Array.from({ length: 10 }, () => 10 * MiB), runningBytes: 0 } };
    const sessions = (modelBytes: number) => { const { groups, limits } = plan({ ...asked, modelBytes }); return [groups, limits.sessions]; };
    assert.equal(sessions(2 * MiB), [3, 3], '100 - 2 x 2 x 2 = 92 MiB hold 4 taps, 90 MiB are needed');
    assert.equal(sessions(3 * MiB), [3, 1], '100 - 2 x 2 x 3 = 88 MiB hold 3');
  });

  test('of plans that are equally fast the one with fewer workers: two workers that cut taps into 5 groups take as long as one with 2', () => {
    const detector = { elements: 230_400, tapBytes: Array.from({ length: 111 }, () => 1_228_800), runningBytes: 4 * MiB, workerBytes: 54 * MiB };
    const { workers, groups } = plan({ budget: 512 * MiB, mainBytes: 80 * MiB, workers: 2, block: 1, modelBytes: 75_000, cost: detector });
    assert.equal([workers, groups], [1, 2]);
  });

  test('in a process of their own, by hand: what the other one holds is left out, and that of the threads is shared; a larger run that was measured counts from then on', () => {
    const least = { ...question, budget: 1000 * MiB };
    assert.is(roomAlone(least, 180 * MiB), (900 - (150 + 48)) * MiB, 'planned for the main one');
    assert.is(roomAlone(least, 300 * MiB), 600 * MiB, 'more than that is held');
    const { limits } = plan({});
    const learnt = { known: { elements: 8000, sample: 8000, taps: [16_000] }, running: 1_000_000, loadedBytes: 120 * MiB, peakBytes: 200 * MiB };
    const apart = afterAlone(question, 2, limits, 600 * MiB, learnt);
    assert.is(apart.isScarce, true);
    assert.equal([apart.limits.bytes, apart.limits.known, apart.limits.running], [((600 - 120 + 50) / 2 - (50 + 40 + 3)) * MiB, learnt.known, 1_000_000]);
    assert.is(apart.limits.elements, apart.limits.bytes / (1_000_000 + 2.25 * 4 * 2));
    const smaller = afterAlone(question, 2, limits, 600 * MiB, { ...learnt, known: { elements: 500, sample: 500, taps: [1] } });
    assert.equal([smaller.limits.known, smaller.limits.running], [limits.known, limits.running]);
  });

  test('where four times what such a run needs fits beside others, what was learnt counts, and the process is not needed any more', () => {
    const { limits } = plan({}), taps = 4 * 16_000;
    const learnt = { known: { elements: 8000, sample: 8000, taps: [16_000] }, running: 100, loadedBytes: 120 * MiB, peakBytes: 200 * MiB };
    const bytes = 4 * (8000 * 100 + 2 * 2.25 * taps);
    assert.equal(afterAlone(question, 2, { ...limits, bytes }, 600 * MiB, learnt), { isScarce: false, limits: { ...limits, bytes, known: learnt.known, running: 100, elements: Math.min(limits.elements, bytes / (100 + 2.25 * taps / 8000)) } });
    assert.is(afterAlone(question, 2, { ...limits, bytes: bytes - 1 }, 600 * MiB, learnt).isScarce, true);
  });

  test('samples that are read together stay together', () => {
    assert.is(plan({ budget: 6144 * MiB, together: 4 }).samplesPerRun % 4, 0);
  });

  test('too little memory is an error that names a little more than the least that would do, and that would do', () => {
    let message = '';
    try { plan({ budget: 200 * MiB }); } catch (error) {
      assert.instance(error, QuantpipeError);
      message = (error as QuantpipeError).message;
    }
    const least = leastBudget(question);
    assert.is(message, `200.0 MiB of memory are too little: one worker with one tensor at a time needs ${(least / MiB + 32).toFixed(1)} MiB`);
    assert.is(plan({ budget: least }).workers, 1);
  });

  test('whatever the numbers, a plan stays below its budget, and one is found from the least on', () => {
    const size = fc.integer({ min: 0, max: 400 * MiB });
    const any = fc.record({ taps: fc.array(fc.integer({ min: 1, max: 64 * MiB }), { minLength: 1, maxLength: 60 }), running: size, worker: size, workers: fc.integer({ min: 1, max: 16 }), together: fc.integer({ min: 1, max: 4 }), more: fc.integer({ min: 0, max: 9000 * MiB }) });
    fc.assert(fc.property(any, ({ taps, running, worker, workers, together, more }) => {
      const asked = { ...question, workers, together, block: 4 * together, cost: { elements: 10, tapBytes: taps, runningBytes: running, workerBytes: worker } };
      const budget = leastBudget(asked) + more;
      const { estimateBytes, samplesPerRun, groups } = planMemory({ ...asked, budget });
      assert.ok(estimateBytes <= budget + 1, `${estimateBytes} of ${budget}`);
      assert.ok(samplesPerRun >= together && samplesPerRun % together === 0 && groups <= taps.length);
    }));
  });

  test('groups are consecutive, hold every tap once and no more than they may', () => {
    fc.assert(fc.property(fc.array(fc.nat(1000), { minLength: 1 }), fc.nat(3000), (bytes, most) => {
      const groups = groupTaps(bytes, most);
      assert.equal(groups.flatMap(({ from, to }) => bytes.slice(from, to)), bytes);
      for (const { from, to } of groups) assert.ok(to - from === 1 || bytes.slice(from, to).reduce((sum, size) => sum + size, 0) <= most);
    }));
  });
});
