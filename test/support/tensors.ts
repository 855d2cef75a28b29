import * as assert from 'uvu/assert';

/** Bit for bit, so that NaN equals NaN and -0 differs from 0 (uvu's equal says the opposite of both). */
export function sameBits(actual: Float32Array, expected: Float32Array, what = 'values'): void {
  assert.is(actual.length, expected.length, `${what}: length`);
  const a = new Uint32Array(actual.buffer, actual.byteOffset, actual.length);
  const e = new Uint32Array(expected.buffer, expected.byteOffset, expected.length);
  const at = a.findIndex((bits, i) => bits !== e[i]);
  assert.ok(at < 0, `${what}[${at}]: got ${actual[at]}, expected ${expected[at]} (of ${a.length})`);
}

/** Within `tolerance` of the expected values, relative; 0 asks for the same bits. */
export function near(actual: Float32Array, expected: Float32Array, tolerance: number, what = 'values'): void {
  if (tolerance === 0) return sameBits(actual, expected, what);
  assert.is(actual.length, expected.length, `${what}: length`);
  const at = actual.findIndex((x, i) => !(Object.is(x, expected[i]) || Math.abs(x - expected[i]!) <= tolerance * Math.abs(expected[i]!)));
  assert.ok(at < 0, `${what}[${at}]: got ${actual[at]}, expected ${expected[at]} ± ${tolerance * Math.abs(expected[at]!)}`);
}

/** Within `tolerance` times the largest of the expected values: where sums cancel, a small result has the error of its terms. */
export function nearLargest(actual: Float32Array, expected: Float32Array, tolerance: number, what = 'values'): void {
  if (tolerance === 0) return sameBits(actual, expected, what);
  assert.is(actual.length, expected.length, `${what}: length`);
  const bound = tolerance * expected.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
  const at = actual.findIndex((x, i) => !(Object.is(x, expected[i]) || Math.abs(x - expected[i]!) <= bound));
  assert.ok(at < 0, `${what}[${at}]: got ${actual[at]}, expected ${expected[at]} ± ${bound}`);
}
