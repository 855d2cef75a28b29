import * as assert from 'uvu/assert';
import fc from 'fast-check';

import { InvariantError } from '../../pipeline/base/check.ts';
import type { AffineMap } from '../../pipeline/kernels/quantize.ts';
import type { Encoding } from '../../pipeline/quant/encoding.ts';
import { PER_TENSOR, splitOf } from '../../pipeline/quant/granularity.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { fakeQuantized, storageOf, toStored } from '../../pipeline/quant/stored.ts';
import { fakeQuantOracle, type OracleMap, quantizeOracle } from '../oracles/quantize.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { sameBits } from '../support/tensors.ts';
import { builds } from './builds.ts';

const inOnnxTerms = ({ delta, offset, steps }: AffineMap): OracleMap => ({ scale: delta, zeroPoint: -offset, lowest: 0, highest: steps });

/** Bitwidths 2 to 16, zero anywhere on the grid or at its ends. */
const anyMap: fc.Arbitrary<AffineMap> = fc.record({
  delta: fc.float({ min: Math.fround(1e-6), max: 1e6, noNaN: true }), bitwidth: fc.integer({ min: 2, max: 16 }), zero: fc.double({ min: 0, max: 1, noNaN: true }),
}).map(({ delta, bitwidth, zero }) => ({ delta, offset: 0 - Math.round(zero * (2 ** bitwidth - 1)), steps: 2 ** bitwidth - 1 }));

/** The same map as an encoding of the pipeline. */
const encodingOf = ({ delta, offset, steps }: AffineMap): Encoding =>
  ({ min: delta * offset, max: delta * (offset + steps), delta, offset, grid: grid(Math.log2(steps + 1)) });

/** Values of all sizes, and multiples of one half of delta: the ties. */
const anyValues = (delta: number) => fc.array(fc.oneof(fc.float(), fc.integer({ min: -600, max: 600 }).map(half => Math.fround(half * delta / 2))), { maxLength: 40 });
const anyCase = anyMap.chain(map => fc.record({ map: fc.constant(map), values: anyValues(map.delta).map(values => Float32Array.from(values)) }));

for (const { name, kernels } of builds) suite(`kernels/quantize, ${name}`, test => {
  const fakeQuant = (values: Float32Array, map: AffineMap) => {
    const out = new Float32Array(values.length);
    kernels.fakeQuant(values, out, map);
    return out;
  };

  test('agrees with the oracle for any map', () => {
    fc.assert(fc.property(anyCase, ({ map, values }) => {
      const codes = new Uint16Array(values.length);
      kernels.quantize(values, codes, map, 0);
      assert.equal([...codes], Array.from(values, x => quantizeOracle(x, inOnnxTerms(map))));
      sameBits(fakeQuant(values, map), values.map(x => fakeQuantOracle(x, inOnnxTerms(map))));
    }), { seed: 1 });
  });

  test('the pipeline stores the same codes, and simulates the same values, ties, NaN and infinities included', () => {
    fc.assert(fc.property(anyCase, ({ map, values }) => {
      const encoding = encodingOf(map);
      for (const signed of [false, true]) {
        const storage = storageOf(encoding.grid, signed);
        const codes = signed ? new Int16Array(values.length) : new Uint16Array(values.length);
        kernels.quantize(values, codes, map, storage.lowest);
        assert.equal([...toStored(values, splitOf([values.length], PER_TENSOR), [encoding], storage)], [...codes]);
      }
      sameBits(fakeQuantized(values, splitOf([values.length], PER_TENSOR), [encoding]), fakeQuant(values, map));
    }), { seed: 6, examples: [[{ map: { delta: 0.5, offset: -4, steps: 15 }, values: Float32Array.of(NaN, 0.25, 0.75, -0.25, Infinity, -Infinity, -0, 5.75) }]] });
  });

  test('the pipeline simulates grids wider than 16 bits with the same values', () => {
    fc.assert(fc.property(fc.integer({ min: 17, max: 32 }), anyCase, (bitwidth, { map: { delta }, values }) => {
      const map = { delta, offset: -(2 ** (bitwidth - 1)), steps: 2 ** bitwidth - 1 };
      sameBits(fakeQuantized(values, splitOf([values.length], PER_TENSOR), [encodingOf(map)]), fakeQuant(values, map));
    }), { seed: 7 });
  });

  test('quantizing again changes nothing', () => {
    fc.assert(fc.property(anyCase, ({ map, values }) => {
      const once = fakeQuant(values, map);
      sameBits(fakeQuant(once, map), once);
    }), { seed: 2 });
  });

  test('keeps the order of values', () => {
    fc.assert(fc.property(anyCase, ({ map, values }) => {
      const out = fakeQuant(values.filter(x => !Number.isNaN(x)).sort(), map);
      assert.equal(out, out.slice().sort());
    }), { seed: 3 });
  });

  test('zero, of either sign, is exactly +0 on every grid', () => {
    fc.assert(fc.property(anyMap, map => sameBits(fakeQuant(Float32Array.of(0, -0), map), Float32Array.of(0, 0))), { seed: 4 });
  });

  test('a tie goes to the even code, an infinity to the end, NaN to the lowest code', () => {
    const map = { delta: 0.5, offset: -4, steps: 15 };
    const values = Float32Array.of(0.25, 0.75, 1.25, -0.25, -0.75, Infinity, -Infinity, NaN, 5.5, 5.75, -2, -2.25);
    sameBits(fakeQuant(values, map), Float32Array.of(0, 1, 1, 0, -1, 5.5, -2, -2, 5.5, 5.5, -2, -2));
    const codes = new Int8Array(values.length);
    kernels.quantize(values, codes, map, -8);
    assert.equal([...codes], [-4, -2, -2, -4, -6, 7, -8, -8, 7, 7, -8, -8]);
  });

  test('reaches both ends of every stored type', () => {
    const ends = Float32Array.of(-Infinity, ...new Float32Array(20), Infinity);
    for (const [Codes, lowest, steps] of [[Uint8Array, 0, 255], [Int8Array, -128, 255], [Uint16Array, 0, 65_535], [Int16Array, -32_768, 65_535]] as const) {
      const codes = new Codes(ends.length);
      kernels.quantize(ends, codes, { delta: 1, offset: -100, steps }, lowest);
      assert.equal([codes[0], codes[1], codes.at(-1)], [lowest, lowest + 100, lowest + steps]);
    }
  });

  // outer, channels, inner: contiguous stretches short and long, and neighbours that alternate
  for (const [outer, channels, inner] of [[1, 5, 9], [2, 3, 40], [7, 6, 1], [3, 1, 17], [2, 4, 0]] as const) {
    test(`gives each channel its own map in [${outer}, ${channels}, ${inner}]`, () => {
      const values = floats(outer * channels * inner, { seed: 3 });
      const maps = Array.from({ length: channels }, (_, c) => ({ delta: 0.01 * (c + 1), offset: -10 * c, steps: 255 }));
      const mapOf = (at: number) => inOnnxTerms(maps[Math.floor(at / inner) % channels]!);
      const out = values.slice(), codes = new Uint8Array(values.length);
      kernels.fakeQuantChannels(out, out, { outer, channels, inner }, maps);
      sameBits(out, values.map((x, at) => fakeQuantOracle(x, mapOf(at))));
      kernels.quantizeChannels(values, codes, { outer, channels, inner }, maps, 0);
      assert.equal([...codes], Array.from(values, (x, at) => quantizeOracle(x, mapOf(at))));
    });
  }

  test('quantizes a channel that is larger than a piece', () => {
    const values = Float32Array.from({ length: 2_200_000 }, (_, i) => i % 97 / 16);
    const maps = [{ delta: 0.02, offset: -128, steps: 255 }, { delta: 0.5, offset: 0, steps: 15 }];
    const out = new Float32Array(values.length);
    kernels.fakeQuantChannels(values, out, { outer: 1, channels: 2, inner: 1_100_000 }, maps);
    for (const at of [0, 1_048_576, 1_099_999, 1_100_000, 2_199_999]) {
      assert.is(out[at], fakeQuantOracle(values[at]!, inOnnxTerms(maps[at < 1_100_000 ? 0 : 1]!)));
    }
  });

  test('refuses what cannot be quantized', () => {
    const map = { delta: 1, offset: 0, steps: 255 };
    const values = new Float32Array(4);
    for (const delta of [0, -1, NaN, Infinity, 1e-60]) assert.throws(() => kernels.fakeQuant(values, values, { ...map, delta }), isInvariant);
    assert.throws(() => kernels.fakeQuant(values, new Float32Array(3), map), isInvariant);
    assert.throws(() => kernels.quantize(values, new Int8Array(4), map, 0), isInvariant);
    assert.throws(() => kernels.quantizeChannels(values, new Uint8Array(4), { outer: 1, channels: 2, inner: 2 }, [map], 0), isInvariant);
  });
});

const isInvariant = (error: unknown) => error instanceof InvariantError;
