import * as assert from 'uvu/assert';
import fc from 'fast-check';

import { duplicateKey } from '../../pipeline/base/duplicate-key.ts';
import { suite } from '../support/suite.ts';

const cases: [text: string, path: string | null][] = [
  ['{}', null],
  ['{"a": 1, "b": 2}', null],
  ['{"a": 1, "a": 2}', 'a'],
  ['{"a": {"a": {"b": 1}}, "b": {"a": 1}}', null],
  ['{"op": {"Conv": {"x": "True", "y": [], "x": "False"}}}', 'op.Conv.x'],
  ['[{"a": 1}, {"a": 1}]', null],
  ['[0, {"a": 1}, {"b": [1, 2, {"c": "d", "c": 0}]}]', '[2].b[2].c'],
  ['{"a": "b", "b": "a"}', null],
  ['{"a": ",{\\"a\\":", "b": "}"}', null],
  ['{"\\u0061": 1, "a": 2}', 'a'],
  ['{"": 1, "x": {"": 1}, "": 2}', ''],
];

suite('base/duplicate-key', test => {
  for (const [text, path] of cases) {
    test(`${text}: ${path === null ? 'no key twice' : `'${path}' twice`}`, () => assert.is(duplicateKey(text), path));
  }

  test('what JSON.stringify writes has no key twice', () => {
    fc.assert(fc.property(fc.jsonValue(), value => assert.is(duplicateKey(JSON.stringify(value)), null)));
  });

  test('a member that is written again is found', () => {
    fc.assert(fc.property(fc.string(), fc.jsonValue(), fc.jsonValue(), (key, first, second) => {
      const member = (value: unknown) => `${JSON.stringify(key)}:${JSON.stringify(value)}`;
      assert.is(duplicateKey(`{${member(first)}, ${member(second)}}`) !== null, true);
    }));
  });
});
