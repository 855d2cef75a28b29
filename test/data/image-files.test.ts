import { copyFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { blocks, openSource } from '../../pipeline/data/index.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

const [FILES, MISSING] = [300, 250];

suite('data/image-files', test => {
  test('a file that cannot be read is named in its place, however many were read before and in whatever way', () => inFolder(async folder => {
    const names = Array.from({ length: FILES }, (_, i) => `${String(i).padStart(3, '0')}.png`);
    for (const [i, name] of names.entries()) await (i === MISSING ? symlink('nowhere', join(folder, name)) : copyFile('fixtures/data/images/classes/bag/1.png', join(folder, name)));
    const found: { rows: number; bad: { sample: number; reason: string }[] } = { rows: 0, bad: [] };
    for await (const { rows, bad } of blocks(await openSource(folder), { size: 64 })) {
      found.rows += rows;
      found.bad.push(...bad);
    }
    assert.is(found.rows, FILES - 1);
    assert.equal(found.bad, [{ sample: MISSING, reason: `cannot read ${join(folder, names[MISSING]!)}: there is no such file or folder` }]);
  }));
});
