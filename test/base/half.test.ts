import * as assert from 'uvu/assert';

import { floatsFromBfloat16, bfloat16FromFloats, halvesFromFloats, floatsFromHalves } from '../../pipeline/base/half.ts';
import { suite } from '../support/suite.ts';

const every = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

/** The value of a half by the definition of the format. */
function halfValue(bits: number): number {
  const sign = bits >> 15 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = (bits & 1023) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}

/** Bits of the float32 next above a positive one. */
function next(value: number, step: 1 | -1): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  view.setUint32(0, view.getUint32(0) + step);
  return view.getFloat32(0);
}

suite('base/half', test => {
  test('every half has the value that the format defines, and comes back', () => {
    const floats = floatsFromHalves(every);
    for (const bits of every) assert.ok(Object.is(floats[bits], halfValue(bits)), `${bits}: ${floats[bits]}`);
    const back = halvesFromFloats(floats);
    for (const bits of every) assert.ok(Number.isNaN(floats[bits]!) ? Number.isNaN(halfValue(back[bits]!)) : back[bits] === bits, `${bits} -> ${back[bits]}`);
  });

  test('between two halves the nearer one wins, and of equally near ones the even', () => {
    for (let low = 0; low < 0x7bff; low++) {
      const middle = (halfValue(low) + halfValue(low + 1)) / 2; // exact in float32
      const even = low & 1 ? low + 1 : low;
      assert.equal([...halvesFromFloats(Float32Array.of(next(middle, -1), middle, next(middle, 1)))], [low, even, low + 1], `${middle}`);
      assert.is(halvesFromFloats(Float32Array.of(-middle))[0], 0x8000 | even);
    }
  });

  test('what rounds beyond the largest half is infinite', () => {
    assert.equal([...halvesFromFloats(Float32Array.of(65519.996, 65520, 1e6, 3e38, -65520))], [0x7bff, 0x7c00, 0x7c00, 0x7c00, 0xfc00]);
  });

  test('every bfloat16 is the upper half of its float32, and comes back', () => {
    const floats = floatsFromBfloat16(every);
    const back = bfloat16FromFloats(floats);
    const bits = new Uint32Array(floats.buffer);
    for (const half of every) {
      assert.is(bits[half]! >>> 16, half);
      assert.ok(Number.isNaN(floats[half]) ? (back[half]! & 0x7fff) > 0x7f80 : back[half] === half);
    }
  });

  test('bfloat16 rounds ties to even', () => {
    const of = (bits: number) => bfloat16FromFloats(new Float32Array(Uint32Array.of(bits).buffer))[0];
    assert.equal([0x3f807fff, 0x3f808000, 0x3f808001, 0x3f818000, 0x7f7fffff].map(of), [0x3f80, 0x3f80, 0x3f81, 0x3f82, 0x7f80]);
  });
});
