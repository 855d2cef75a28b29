import * as assert from 'uvu/assert';

import { openSink } from '../../pipeline/calibrate/discard.ts';
import { suite } from '../support/suite.ts';

const MEBI = 1 << 20;

suite('calibrate/discard', test => {
  test('memory is given back before the garbage collector runs', async () => {
    const discard = await openSink();
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 500; i++) {
      const values = new Float32Array(MEBI).fill(1);
      discard(values);
      assert.is(values.length, 0);
    }
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 16 * MEBI, `${grown} bytes of 500 × ${4 * MEBI} are still held`);
  });
});
