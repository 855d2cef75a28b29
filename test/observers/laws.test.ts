import * as assert from 'uvu/assert';
import fc from 'fast-check';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { Kernels } from '../../pipeline/kernels/kernels.ts';
import { emptyStatistics, mergeStatistics, missingShards } from '../../pipeline/observers/merge.ts';
import type { Statistics } from '../../pipeline/observers/statistics.ts';
import { suite } from '../support/suite.ts';

const kernels = await Kernels.load();

/** What a batch of samples leaves behind: values of every tensor, or none. */
type Batch = Readonly<Record<string, Float32Array>>;

const values = fc.float32Array({ maxLength: 40 });
const batch: fc.Arbitrary<Batch> = fc.record({ a: values, b: values, c: values });

function observed(batch: Batch): Statistics {
  const tensors = new Map(Object.entries(batch).map(([name, values]) => [name, kernels.observe(values)]));
  return { model: 'a model', samples: 1, shards: null, tensors };
}

/** In a form that compares by value and not by the order of the tensors; bits of the extremes, so that -0 is not 0. */
function content({ model, samples, tensors }: Statistics) {
  const rows = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { min, max, bins, counts }]) => ({ name, ends: [...new Uint8Array(Float32Array.of(min, max).buffer)], bins: [...bins], counts: [...counts] }));
  return { model, samples, rows };
}

const same = (actual: Statistics, expected: Statistics) => assert.equal(content(actual), content(expected));
const merge = (a: Statistics, b: Statistics) => mergeStatistics(kernels, a, b);

suite('observers/laws', test => {
  test('merging with nothing changes nothing', () => {
    fc.assert(fc.property(batch, a => {
      same(merge(emptyStatistics('a model'), observed(a)), observed(a));
      same(merge(observed(a), emptyStatistics('a model')), observed(a));
    }), { seed: 1 });
  });

  test('merging is associative and commutative', () => {
    fc.assert(fc.property(batch, batch, batch, (x, y, z) => {
      const [a, b, c] = [observed(x), observed(y), observed(z)];
      same(merge(merge(a, b), c), merge(a, merge(b, c)));
      same(merge(a, b), merge(b, a));
    }), { seed: 2 });
  });

  test('observing one batch after another is observing them together', () => {
    fc.assert(fc.property(values, values, (a, b) => {
      const together = observed({ a: Float32Array.of(...a, ...b) });
      same(merge(observed({ a }), observed({ a: b })), { ...together, samples: 2 });
    }), { seed: 3 });
  });

  test('leaves what it merged as it was', () => {
    const [a, b] = [observed({ a: Float32Array.of(1, 2), b: new Float32Array(0) }), observed({ a: Float32Array.of(3), b: Float32Array.of(4) })];
    const before = [content(a), content(b)];
    merge(a, b);
    assert.equal([content(a), content(b)], before);
  });

  test('statistics of other tensors do not merge: what one of them lacks would count as observed on all samples', () => {
    const [a, b] = [observed({ a: Float32Array.of(1) }), observed({ a: Float32Array.of(3), b: Float32Array.of(4) })];
    assert.throws(() => merge(a, b), (error: QuantpipeError) => error.code === 'statistics-invalid' && error.message.startsWith("statistics of 2 tensors do not merge with those of 1: 'b' is in one of them only"));
    assert.throws(() => merge(b, a), /'b' is in one of them only/);
  });

  const shard = (count: number, ...parts: number[]): Statistics => ({ ...observed({ a: Float32Array.of(parts[0]!) }), shards: { count, blockSize: 32, total: null, parts } });

  test('all shards together, in any order and any tree, are a whole', () => {
    fc.assert(fc.property(fc.integer({ min: 2, max: 7 }).chain(count => fc.shuffledSubarray([...Array(count).keys()], { minLength: count })), fc.nat(5), (order, cut) => {
      const shards = order.map(part => shard(order.length, part));
      const join = (list: Statistics[]) => list.reduce(merge);
      const at = 1 + cut % (shards.length - 1);
      const whole = merge(join(shards.slice(0, at)), join(shards.slice(at)));
      assert.is(whole.shards, null);
      assert.is(missingShards(whole), null);
    }), { seed: 4 });
  });

  test('shards that are missing are named, and shards that do not go together are refused', () => {
    const some = merge(shard(4, 3), shard(4, 1));
    assert.equal(some.shards, { count: 4, blockSize: 32, total: null, parts: [1, 3] });
    const read = (reading: string, part: number) => ({ ...shard(4, part), shards: { count: 4, blockSize: 32, total: null, reading, parts: [part] } });
    assert.equal(merge(read('aaaaaaaaaaaa', 2), read('aaaaaaaaaaaa', 0)).shards, { count: 4, blockSize: 32, total: null, reading: 'aaaaaaaaaaaa', parts: [0, 2] });
    assert.is(missingShards(some), 'shards 0/4, 2/4 of blocks of 32 samples are missing');
    for (const [a, b, says] of [
      [some, shard(4, 3), /both hold shard 3\/4 of blocks of 32 samples, which would be counted twice/],
      [some, shard(5, 0), /shard 0\/5 of blocks of 32 samples do not merge with shards 1\/4, 3\/4/],
      [some, { ...shard(4, 0), shards: { count: 4, blockSize: 8, total: null, parts: [0] } }, /of blocks of 8 samples do not merge/],
      [some, { ...shard(4, 0), shards: { count: 4, blockSize: 32, total: 64, parts: [0] } }, /shard 0\/4 of blocks of 32 samples of 64 do not merge/],
      [some, read('aaaaaaaaaaaa', 0), /they were read in different ways \(aaaaaaaaaaaa and unknown\): sample choice, columns, preprocessing or engine differ/],
      [read('aaaaaaaaaaaa', 1), read('bbbbbbbbbbbb', 0), /shard 0\/4 .* do not merge with shard 1\/4 .*: they were read in different ways \(bbbbbbbbbbbb and aaaaaaaaaaaa\)/],
      [observed({}), some, /statistics of a whole data set do not merge with those of shards 1\/4, 3\/4/],
    ] as const) assert.throws(() => merge(a, b), says);
  });

  test('what was prepared in another way, or ran on another engine, is refused; what saw nothing, or does not say, is not', () => {
    const of = (preparation: string | undefined, samples = 1): Statistics => ({ ...observed({ a: Float32Array.of(samples) }), samples, ...(preparation !== undefined && { preparation }) });
    const [web, native] = ['aaaaaaaaaaaa-web', 'aaaaaaaaaaaa-native'];
    assert.throws(() => merge(of(web, 3), of(native, 2)), /^2 samples that were prepared in one way \(aaaaaaaaaaaa-native\) do not merge with 3 that were in another \(aaaaaaaaaaaa-web\): preprocessing or engine differ/);
    assert.throws(() => merge(merge(of(web), of(undefined)), of(native)), /prepared/, 'nor by way of a third');
    for (const [a, b, kept] of [[web, web, web], [web, undefined, web], [undefined, web, web], [undefined, undefined, undefined]] as const) assert.is(merge(of(a), of(b)).preparation, kept);
    assert.equal([merge(of(web, 0), of(native)).preparation, merge(of(native), of(web, 0)).preparation], [native, native]);
  });

  test('refuses the statistics of another model, and names both', () => {
    assert.throws(() => mergeStatistics(kernels, emptyStatistics('0123456789abcdef'), emptyStatistics('fedcba9876543210')),
      (error: unknown) => error instanceof QuantpipeError && error.code === 'statistics-invalid' && /fedcba987654 .* 0123456789ab/.test(error.message));
  });
});
