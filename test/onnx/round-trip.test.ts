import { readdir, readFile } from 'node:fs/promises';
import * as assert from 'uvu/assert';

import { cloneModel } from '../../pipeline/graph/clone.ts';
import { readModel } from '../../pipeline/onnx/read-model.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { suite } from '../support/suite.ts';

const folder = 'fixtures/models';

suite('onnx/round-trip', test => {
  test('reading and writing every fixture gives the same bytes', async () => {
    for (const file of (await readdir(folder)).filter(name => name.endsWith('.onnx'))) {
      const bytes = await readFile(`${folder}/${file}`);
      assert.ok(bytes.equals(writeModel(readModel(bytes))), file);
      assert.ok(bytes.equals(writeModel(cloneModel(readModel(bytes)))), `${file}, cloned`);
    }
  });
});
