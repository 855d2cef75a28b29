import * as assert from 'uvu/assert';

import { printable } from '../../cli/exit.ts';
import { duration, size, table } from '../../cli/table.ts';
import { suite } from '../support/suite.ts';

suite('cli/table', test => {
  test('pads columns to their widest cell, numbers to the right', () => {
    const text = table([{ title: 'tensor' }, { title: 'bits', align: 'right' }], [['a', 8], ['longer', 16]]);
    assert.is(text, 'tensor  bits\na          8\nlonger    16');
  });

  test('cuts a long name in the middle, so that both of its ends are readable', () => {
    assert.is(table([{ title: 't', most: 7 }], [['abcdefghij']]), 't\nabc…hij');
  });

  test('shows control characters of names from a model as text', () => {
    assert.is(printable('a\u001b[2Jb\u202ec'), 'a\\u001b[2Jb\\u202ec');
    assert.is(printable('a\nb\tc\rd'), 'a\\u000ab\\u0009c\\u000dd');
    assert.is(table([{ title: 't' }], [['a\nb']]), 't\na\\u000ab');
  });

  for (const [bytes, text] of [[0, '0 B'], [1023, '1023 B'], [1536, '1.5 KiB'], [20 * 2 ** 20, '20.0 MiB'], [3 * 2 ** 40, '3.0 TiB']] as const) {
    test(`says ${text} for ${bytes} bytes`, () => assert.is(size(bytes), text));
  }

  for (const [seconds, text] of [[0.42, '0.4 s'], [12.3, '12 s'], [59.6, '1 min 0 s'], [200, '3 min 20 s'], [7500, '2 h 5 min']] as const) {
    test(`says ${text} for ${seconds} seconds`, () => assert.is(duration(seconds), text));
  }
});
