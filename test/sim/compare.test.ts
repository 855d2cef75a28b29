import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { Comparison } from '../../pipeline/sim/compare.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';

function compare(dims: number[], ...pairs: [number[], number[]][]) {
  const comparison = new Comparison();
  for (const [a, b] of pairs) comparison.add(float32Tensor(dims, Float32Array.from(a)), float32Tensor(dims, Float32Array.from(b)));
  return comparison.result;
}

suite('sim/compare', test => {
  test('gives 20 dB to an error of a tenth', () => {
    const { sqnr, maxError } = compare([1, 2], [[10, 0], [9, 0]]);
    assert.ok(Math.abs(sqnr - 20) < 1e-12, `${sqnr}`);
    assert.is(maxError, 1);
  });

  test('adds up batches: sums, not means of decibels', () => {
    const { sqnr } = compare([1, 2], [[3, 4], [3, 4]], [[10, 0], [9, 0]]);
    assert.ok(Math.abs(sqnr - 10 * Math.log10(125)) < 1e-12, `${sqnr}`);
  });

  test('knows equal outputs', () => {
    assert.equal(compare([2, 2], [[1, 2, 3, -4], [1, 2, 3, -4]]), { exact: true, sqnr: Infinity, cosine: 1, maxError: 0, agreement: 1, offBy: null, nonFinite: 0 });
    assert.is(compare([2], [[0, 0], [0, 0]]).cosine, 1);
  });

  test('measures the angle, not the length', () => {
    assert.is(compare([2], [[3, 4], [6, 8]]).cosine, 1);
    assert.is(compare([2], [[3, 4], [-3, -4]]).cosine, -1);
    assert.is(compare([2], [[1, 0], [0, 1]]).cosine, 0);
  });

  test('counts rows along the last axis whose largest value stands at the same place', () => {
    assert.is(compare([4, 2], [[1, 2, 5, 3, 0, 1, 9, 8], [1, 3, 5, 6, 0, 7, 9, 1]]).agreement, 0.75);
    assert.is(compare([3, 1], [[1, 2, 3], [3, 2, 1]]).agreement, null);
  });

  test('counts what is not finite and goes on', () => {
    const { nonFinite, sqnr } = compare([4], [[10, NaN, Infinity, 1], [9, 1, Infinity, -Infinity]]);
    assert.is(nonFinite, 3);
    assert.ok(Math.abs(sqnr - 20) < 1e-12, `${sqnr}`);
  });

  test('has no decibels for outputs without a finite pair, and calls them exact only where they are', () => {
    const broken = compare([1, 2], [[NaN, NaN], [NaN, NaN]]);
    assert.ok(Number.isNaN(broken.sqnr));
    assert.equal([broken.exact, broken.nonFinite, broken.agreement], [true, 2, 0]);
    const lost = compare([1, 2], [[1, 2], [NaN, NaN]]);
    assert.ok(Number.isNaN(lost.sqnr));
    assert.equal([lost.exact, lost.nonFinite, lost.agreement], [false, 2, 0]);
    assert.is(compare([1, 2], [[Infinity, 1], [Infinity, 1]]).exact, true);
  });

  test('lets no row with NaN agree, wherever the NaN stands', () => {
    assert.is(compare([2, 3], [[NaN, 1, 2, 1, 2, NaN], [NaN, 1, 2, 1, 2, NaN]]).agreement, 0);
    assert.is(compare([2, 3], [[0, 1, 2, 1, 2, 0], [0, 1, 2, 1, NaN, 0]]).agreement, 0.5);
  });

  test('does not depend on how the samples were split into batches, but for rounding', () => {
    const a = [...floats(64)], b = [...floats(64, { seed: 2 })];
    const whole = compare([8, 8], [a, b]), halves = compare([4, 8], [a.slice(0, 32), b.slice(0, 32)], [a.slice(32), b.slice(32)]);
    assert.ok(Math.abs(whole.sqnr - halves.sqnr) < 1e-9);
    assert.is(whole.agreement, halves.agreement);
  });
});
