import * as assert from 'uvu/assert';
import fc from 'fast-check';

import { channelPieces, pieces } from '../../pipeline/kernels/pieces.ts';
import { suite } from '../support/suite.ts';

const size = fc.integer({ min: 0, max: 9 });

suite('kernels/pieces', test => {
  test('cut a list whole, in order, within the limit', () => {
    assert.equal([...pieces(7, 3)], [{ start: 0, end: 3 }, { start: 3, end: 6 }, { start: 6, end: 7 }]);
    assert.equal([...pieces(6, 3)], [{ start: 0, end: 3 }, { start: 3, end: 6 }]);
    assert.equal([...pieces(0, 3)], []);
  });

  test('cut channels so that every element keeps its channel', () => {
    fc.assert(fc.property(size, size, size, fc.integer({ min: 1, max: 40 }), (outer, channels, inner, limit) => {
      const channelOf: number[] = [];
      for (const piece of channelPieces({ outer, channels, inner }, limit)) {
        assert.is(piece.start, channelOf.length);
        assert.is(piece.end - piece.start, piece.outer * piece.channels * piece.inner);
        assert.ok(piece.end - piece.start <= limit);
        for (let i = 0; i < piece.end - piece.start; i++) channelOf.push(piece.first + Math.floor(i / piece.inner) % piece.channels);
      }
      assert.equal(channelOf, Array.from({ length: outer * channels * inner }, (_, i) => Math.floor(i / inner) % channels));
    }), { seed: 1, numRuns: 500 });
  });
});
