import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import * as assert from 'uvu/assert';

import { Turns } from '../../pipeline/calibrate/turns.ts';
import { suite } from '../support/suite.ts';

suite('calibrate/turns', test => {
  test('what needs to be alone is, whatever is asked for and when; all else overlaps, and everything gets its turn', () => fc.assert(fc.asyncProperty(
    fc.array(fc.record({ isAlone: fc.boolean(), at: fc.nat(6), takes: fc.nat(4), fails: fc.boolean() }), { minLength: 1, maxLength: 12 }),
    async jobs => {
      const turns = new Turns();
      let together = 0, alone = 0, done = 0;
      await Promise.all(jobs.map(async ({ isAlone, at, takes, fails }) => {
        await setTimeout(at);
        const work = async () => {
          if (isAlone) alone++;
          else together++;
          assert.ok(alone === 0 || (alone === 1 && together === 0), `${alone} alone, ${together} together`);
          await setTimeout(takes);
          if (isAlone) alone--;
          else together--;
          done++;
          if (fails) throw new Error('no');
        };
        await (isAlone ? turns.alone(work) : turns.together(work)).catch((error: Error) => { if (error.message !== 'no') throw error; });
      }));
      assert.is(done, jobs.length);
    },
  ), { seed: 11, numRuns: 60 }));

  test('work that is not alone runs side by side', async () => {
    const turns = new Turns();
    let running = 0, most = 0;
    const work = async () => {
      most = Math.max(most, ++running);
      await setTimeout(5);
      running--;
    };
    await Promise.all([1, 2, 3].map(() => turns.together(work)));
    assert.is(most, 3);
  });
});
