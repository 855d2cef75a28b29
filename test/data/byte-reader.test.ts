import fc from 'fast-check';
import * as assert from 'uvu/assert';

import { buffered, streamBytes } from '../../pipeline/data/byte-reader.ts';
import { suite } from '../support/suite.ts';

const CONTENT = Uint8Array.from({ length: 300 }, (_, i) => i);
const plain = () => streamBytes('x', (async function* () { yield CONTENT; })(), CONTENT.length);

suite('data/byte-reader', test => {
  test('a reader that reads ahead hands out the same bytes as one that does not, wherever it is', () => fc.assert(fc.asyncProperty(
    fc.integer({ min: 1, max: 60 }), fc.array(fc.record({ skip: fc.boolean(), count: fc.nat(90) }), { maxLength: 12 }),
    async (least, steps) => {
      const ahead = buffered(plain(), least, 3 * least), other = plain();
      for (const { skip, count } of steps) {
        if (skip) assert.is(await ahead.skip(count), await other.skip(count));
        else assert.equal(await ahead.upTo(count), await other.upTo(count));
        assert.equal([ahead.position, ahead.left], [other.position, other.left]);
      }
    },
  ), { seed: 5, numRuns: 500 }));

  test('reads further ahead the longer it goes on, and no more than is asked for where that is more', async () => {
    const asked: number[] = [], inner = plain();
    const reader = buffered({ ...inner, upTo: count => { asked.push(count); return inner.upTo(count); } }, 16, 40);
    for (const count of [4, 12, 4, 28, 4, 30]) await reader.upTo(count);
    assert.equal(asked, [16, 32, 40]); // each when the one before is used up
    asked.length = 0;
    await reader.skip(100); // of which 6 were read ahead
    for (const count of [4, 70]) await reader.upTo(count);
    assert.equal(asked, [16, 58]);
  });
});
