import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { readJson } from '../../pipeline/base/text-file.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

suite('base/text-file', test => {
  test('a byte order mark before JSON is no part of it', () => inFolder(async folder => {
    const path = join(folder, 'c.json');
    await writeFile(path, Buffer.from([0xef, 0xbb, 0xbf, ...Buffer.from('{"a": 1}')]));
    assert.equal(await readJson(path, { noun: 'the configuration' }), { a: 1 });
  }));
});
