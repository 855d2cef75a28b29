import fc from 'fast-check';
import * as assert from 'uvu/assert';

import { packStatistics, unpackStatistics } from '../../pipeline/calibrate/packed-statistics.ts';
import { suite } from '../support/suite.ts';

const extreme = fc.oneof(fc.float({ noNaN: true }), fc.constantFrom(Infinity, -Infinity));
const statistics = fc.array(fc.tuple(fc.integer({ min: 0, max: 0xffff }), fc.bigInt({ min: 1n, max: 2n ** 64n - 1n })), { maxLength: 20 }).chain(used => fc.record({
  min: extreme, max: extreme, bins: fc.constant(Uint16Array.from(used, ([bin]) => bin)), counts: fc.constant(BigUint64Array.from(used, ([, count]) => count)),
}, { noNullPrototype: true }));

suite('calibrate/packed-statistics', test => {
  test('what is packed comes back, of any number of tensors, empty ones too', () => {
    fc.assert(fc.property(fc.array(statistics, { maxLength: 8 }), tensors => {
      assert.equal(unpackStatistics(packStatistics(tensors)), tensors);
    }));
  });

  test('all of it lies in one piece of memory', () => {
    const packed = packStatistics([{ min: -1, max: 2, bins: Uint16Array.of(3, 4), counts: BigUint64Array.of(5n, 6n) }]);
    assert.is(packed.memory.byteLength, 2 * 8 + 2 * 4 + 2 * 2);
    assert.ok(unpackStatistics(packed).every(({ bins, counts }) => bins.buffer === packed.memory && counts.buffer === packed.memory));
  });
});
