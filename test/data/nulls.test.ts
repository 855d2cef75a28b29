import { type DataType, Field, FixedSizeList, Float32, List, makeData, Struct, vectorFromArray } from 'apache-arrow';
import fc from 'fast-check';
import * as assert from 'uvu/assert';

import { rowsWithNulls } from '../../pipeline/data/nulls.ts';
import { suite } from '../support/suite.ts';
import { failure } from './reading.ts';

const item = new Field('item', new Float32(), true);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 6 });
const number = fc.constant(1);
const ofLength = (least: number, most: number) => fc.array(maybe(number), { minLength: least, maxLength: most });

// how samples are made, and what is to be found in them
const types: readonly (readonly [type: DataType, sample: fc.Arbitrary<unknown>])[] = [
  [new Float32(), number],
  [new FixedSizeList(2, item), ofLength(2, 2)],
  [new List(item), ofLength(0, 3)],
  [new List(new Field('item', new List(item), true)), fc.array(maybe(ofLength(0, 2)), { maxLength: 3 })],
  [new Struct([new Field('data', new List(item), true), new Field('shape', new FixedSizeList(2, item), true)]), fc.record({ data: maybe(ofLength(0, 3)), shape: maybe(ofLength(2, 2)) })],
];

const holdsNull = (value: unknown): boolean => value === null || (typeof value === 'object' && Object.values(value).some(holdsNull));

suite('data/nulls', test => {
  for (const [type, sample] of types) {
    test(`finds the samples of ${type} that are null or hold one, among those that are read`, async () => {
      fc.assert(fc.property(fc.array(maybe(sample), { minLength: 1, maxLength: 20 }), fc.nat(20), fc.nat(20), (samples, from, count) => {
        const begin = Math.min(from, samples.length), end = Math.min(begin + count, samples.length);
        const found = rowsWithNulls(vectorFromArray(samples, type).data[0]!, begin, end, 'x');
        assert.equal(found, [...samples.keys()].filter(row => row >= begin && row < end && holdsNull(samples[row])));
      }), { seed: 3, numRuns: 200 });
    });
  }

  test('refuses nulls that are declared without saying which they are', async () => {
    const data = makeData({ type: new Float32(), length: 4, nullCount: 2, data: new Float32Array(4) });
    assert.equal(await failure(async () => rowsWithNulls(data, 0, 4, 'x')), { code: 'data-invalid', message: 'x: 2 nulls are declared, and not which' });
  });
});
