import * as assert from 'uvu/assert';
import fc from 'fast-check';

import { instantiate } from '../../pipeline/kernels/module.ts';
import { observe as observeWith } from '../../pipeline/kernels/observe.ts';
import type { TensorStatistics } from '../../pipeline/kernels/statistics.ts';
import { histogramOracle, mergeOracle } from '../oracles/histogram.ts';
import { minMaxOracle } from '../oracles/min-max.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { builds } from './builds.ts';

const NONE: TensorStatistics = { min: Infinity, max: -Infinity, bins: new Uint16Array(0), counts: new BigUint64Array(0) };

const floatsOfBits = (bits: Iterable<number>) => new Float32Array(Uint32Array.from(bits).buffer);

/** Any bit patterns: quiet and signalling NaN, both zeros and subnormals among them; often the same ones again. */
const anyValues = fc.array(fc.oneof(
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  fc.constantFrom(0, 0x8000_0000, 1, 0x3f80_0000, 0x7f80_0000, 0xff80_0000, 0x7f80_0001, 0xff80_ffff, 0x7fc0_0000),
), { maxLength: 70 }).map(floatsOfBits);

/** In a form that compares by value; the extremes by their bits, so that -0 is not 0. */
function content({ min, max, bins, counts }: TensorStatistics) {
  return { ends: [...new Uint8Array(Float32Array.of(min, max).buffer)], bins: [...bins], counts: [...counts] };
}

function observeOracle(values: Float32Array): TensorStatistics {
  const range = Float32Array.of(Infinity, -Infinity);
  minMaxOracle(values, range);
  return { min: range[0]!, max: range[1]!, ...histogramOracle(values) };
}

for (const { name, url, kernels } of builds) suite(`kernels/observe, ${name}`, test => {
  const observe = (values: Float32Array) => kernels.observe(values);
  const merge = (a: TensorStatistics, b: TensorStatistics) => kernels.mergeStatistics(a, b);
  const same = (actual: TensorStatistics, expected: TensorStatistics) => assert.equal(content(actual), content(expected));

  test('agrees with its oracle on any bits', () => {
    fc.assert(fc.property(anyValues, values => same(observe(values), observeOracle(values))), { seed: 1 });
  });

  test('fills every bin there is, in ascending order of values', () => {
    const values = floatsOfBits(Array.from({ length: 65_536 }, (_, bin) => bin * 65_536 + 1)).sort();
    const { bins, counts } = observe(values);
    assert.is(bins.length, 65_534); // all but the infinities, which would have payloads here
    same({ ...NONE, bins, counts }, { ...NONE, ...histogramOracle(values) });
  });

  test('counts a NaN by its sign and never as an infinity', () => {
    const { bins, counts, min, max } = observe(floatsOfBits([0x7f80_0001, 0x7f80_0000, 0xff80_ffff, 0xff80_0000, 0xff80_0000]));
    assert.equal([...bins], [0xffc0, 0xff80, 0x7f80, 0x7fc0]);
    assert.equal([...counts], [1n, 2n, 1n, 1n]);
    assert.equal([min, max], [Infinity, -Infinity]);
  });

  test('counts tensors larger than a piece, and starts afresh each time', () => {
    const values = floats(1_050_000, { seed: 5 }).map(x => Math.max(x, 0));
    const expected = observeOracle(values);
    same(observe(values), expected);
    same(observe(values), expected);
    same(observe(new Float32Array(0)), NONE);
  });

  test('compacts more than once where one table would overflow', async () => {
    const values = floats(1000, { seed: 6 });
    for (const most of [1, 333, 500, 1000]) same(observeWith(await instantiate(url), values, most), observeOracle(values));
  });

  test('merging with nothing changes nothing', () => {
    fc.assert(fc.property(anyValues, values => {
      same(merge(NONE, observe(values)), observe(values));
      same(merge(observe(values), NONE), observe(values));
    }), { seed: 2 });
  });

  test('merging is associative and commutative', () => {
    fc.assert(fc.property(anyValues, anyValues, anyValues, (x, y, z) => {
      const [a, b, c] = [observe(x), observe(y), observe(z)];
      same(merge(merge(a, b), c), merge(a, merge(b, c)));
      same(merge(a, b), merge(b, a));
    }), { seed: 3 });
  });

  test('observing values in two parts, and in any order, is observing them together', () => {
    fc.assert(fc.property(anyValues, anyValues, (a, b) => {
      const together = new Uint32Array([...new Uint32Array(a.buffer), ...new Uint32Array(b.buffer)]);
      same(merge(observe(a), observe(b)), observe(new Float32Array(together.buffer)));
      same(merge(observe(a), observe(b)), observe(new Float32Array(together.toReversed().buffer)));
    }), { seed: 4 });
  });

  test('adds counts beyond 32 bits', () => {
    const a = { ...NONE, bins: Uint16Array.of(0xbf80, 0, 0x3f80), counts: BigUint64Array.of(1n, 2n ** 40n + 3n, 2n ** 62n) };
    const b = { ...NONE, bins: Uint16Array.of(0xc000, 0, 0x3f80, 0x4000), counts: BigUint64Array.of(7n, 2n ** 41n, 2n ** 62n, 9n) };
    const merged = merge(a, b);
    same(merged, { ...NONE, ...mergeOracle(a, b) });
    assert.is(merged.counts[2], 2n ** 40n + 2n ** 41n + 3n);
  });
});
