import * as assert from 'uvu/assert';
import fc from 'fast-check';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { forEachRun, type Granularity, PER_TENSOR, splitOf, valuesByEncoding } from '../../pipeline/quant/granularity.ts';
import { suite } from '../support/suite.ts';

/** The encoding of the element at a flat position, from its place along each dimension. */
function encodingAt(position: number, dims: readonly number[], granularity: Granularity): number {
  const place = dims.map((dim, at) => Math.floor(position / dims.slice(at + 1).reduce((a, b) => a * b, 1)) % dim);
  const along = (axis: number) => place.at(axis)!;
  if (granularity.kind === 'tensor') return 0;
  if (granularity.kind === 'channel') return along(granularity.axis);
  const { axis, blockSize, channelAxis } = granularity;
  return along(channelAxis) * (dims.at(axis)! / blockSize) + Math.floor(along(axis) / blockSize);
}

function encodings(dims: readonly number[], granularity: Granularity): number[] {
  const found: number[] = [];
  forEachRun(splitOf(dims, granularity), (encoding, start, end) => found.push(...new Array<number>(end - start).fill(encoding)));
  return found;
}

const anyCase = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 4 }).chain(shape => fc.record({
  shape: fc.constant(shape), axis: fc.nat(shape.length - 1), other: fc.nat(shape.length - 2), blockSize: fc.integer({ min: 1, max: 3 }), fromEnd: fc.boolean(),
})).map(({ shape, axis, other, blockSize, fromEnd }) => {
  const channelAxis = other < axis ? other : other + 1;
  const dims = shape.with(axis, shape[axis]! * blockSize);
  const counted = (at: number) => fromEnd ? at - dims.length : at;
  return { dims, axis: counted(axis), channelAxis: counted(channelAxis), blockSize };
});

suite('quant/granularity', test => {
  test('every element has the encoding of its tensor, its channel or its block, whatever the axes', () => {
    fc.assert(fc.property(anyCase, ({ dims, axis, channelAxis, blockSize }) => {
      const count = dims.reduce((a, b) => a * b, 1);
      const granularities: Granularity[] = [PER_TENSOR, { kind: 'channel', axis }, { kind: 'block', axis, blockSize, channelAxis, decompressedBitwidth: null }];
      for (const granularity of granularities) {
        const expected = Array.from({ length: count }, (_, i) => encodingAt(i, dims, granularity));
        assert.equal(encodings(dims, granularity), expected);
        assert.is(splitOf(dims, granularity).encodings, Math.max(...expected) + 1);
      }
    }), { seed: 1, numRuns: 300 });
  });

  test('values by encoding are every value once, in order', () => {
    fc.assert(fc.property(anyCase, ({ dims, axis, channelAxis, blockSize }) => {
      const granularity: Granularity = { kind: 'block', axis, blockSize, channelAxis, decompressedBitwidth: null };
      const values = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => i);
      const expected = Array.from({ length: splitOf(dims, granularity).encodings }, (_, encoding) => [...values].filter(i => encodingAt(i, dims, granularity) === encoding));
      assert.equal(valuesByEncoding(values, splitOf(dims, granularity)).map(list => [...list]), expected);
    }), { seed: 2 });
  });

  for (const [granularity, says] of [
    [{ kind: 'channel', axis: 4 }, 'axis 4 does not exist in a tensor of shape [6, 4]'],
    [{ kind: 'block', axis: 1, blockSize: 3, channelAxis: 0, decompressedBitwidth: null }, 'blocks of 3 along dimension 1, channels along 0, do not divide a tensor of shape [6, 4]'],
  ] as const) {
    test(`refuses what the shape does not have: ${says}`, () => {
      assert.throws(() => splitOf([6, 4], granularity), (error: unknown) => error instanceof QuantpipeError && error.message === says);
    });
  }
});
