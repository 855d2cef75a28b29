import * as assert from 'uvu/assert';

import { stableJson } from '../../pipeline/base/stable-json.ts';
import { suite } from '../support/suite.ts';

suite('base/stable-json', test => {
  test('does not depend on the order of keys', () => {
    assert.is(stableJson({ b: 1, a: { d: [], c: null } }), stableJson({ a: { c: null, d: [] }, b: 1 }));
  });

  test('is laid out for people: one line per key, lists of plain values in a line', () => {
    assert.is(stableJson({ b: [1, -0.5], a: [{ x: 'é"' }], c: {} }), '{\n  "a": [\n    {\n      "x": "é\\""\n    }\n  ],\n  "b": [1, -0.5],\n  "c": {}\n}\n');
  });

  test('reads back equal', () => {
    const value = { numbers: [0.1, 1e21, 5e-324, 2 ** 53 - 1], text: '\u0000\ud800', nested: [[1], [{ deep: true }]], none: null };
    assert.equal(JSON.parse(stableJson(value)), value);
  });

  test('leaves undefined out and refuses numbers that JSON has not', () => {
    assert.is(stableJson({ a: undefined }), '{}\n');
    assert.throws(() => stableJson([NaN]), /JSON has no NaN/);
  });
});
