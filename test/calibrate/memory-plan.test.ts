import * as assert from 'uvu/assert';
import fc from 'fast-check';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { leastBudget, type MemoryQuestion, planMemory } from '../../pipeline/calibrate/memory-plan.ts';
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

  test('samples that are read together stay together', () => {
    assert.is(plan({ budget: 6144 * MiB, together: 4 }).samplesPerRun % 4, 0);
  });

  test('too little memory is an error that says the least that would do, and that would do', () => {
    let message = '';
    try { plan({ budget: 200 * MiB }); } catch (error) {
      assert.instance(error, QuantpipeError);
      message = (error as QuantpipeError).message;
    }
    const least = leastBudget(question);
    assert.is(message, `200.0 MiB of memory are too little: one worker with one tensor at a time needs ${(least / MiB).toFixed(1)} MiB`);
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
