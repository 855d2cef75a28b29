import * as assert from 'uvu/assert';

import { peekable } from '../../pipeline/calibrate/peek.ts';
import { suite } from '../support/suite.ts';

suite('calibrate/peek', test => {
  for (const [looked, most] of [[0, 4], [2, 4], [9, 4], [9, 20]] as const) {
    test(`looking at ${looked} items, at most ${most} of 10, takes none away`, async () => {
      let pulled = 0, closed = 0;
      async function* source() {
        try {
          for (let i = 0; i < 10; i++) {
            pulled++;
            yield i;
          }
        } finally {
          closed++;
        }
      }
      const { ahead, all } = peekable(source(), most);
      const seen: number[] = [], got: number[] = [];
      if (looked > 0) {
        for await (const item of ahead) if (seen.push(item) === looked) break;
      }
      const count = Math.min(looked, most);
      assert.equal([seen, pulled, closed], [[...Array(count).keys()], count, 0]);
      for await (const item of all) if (got.push(item) === 9) break;
      assert.equal([got, pulled, closed], [[...Array(9).keys()], 9, 1]);
    });
  }
});
