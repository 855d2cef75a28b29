import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';

import { suite } from '../support/suite.ts';

const CALLS = 3_000;

/** In a process of its own, because the heap counts: bytes of old objects that reading a block leaves, before they are collected. */
const reading = (url: string) => `
import { getHeapSpaceStatistics } from 'node:v8';
import { blocks, openSource } from '${new URL('../../pipeline/data/index.js', url)}';
import { fromIpc } from '${new URL('../../pipeline/data/record-batches.js', url)}';
const old = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space').space_used_size;
for await (const { bytes } of blocks(await openSource('fixtures/data/fmnist-calibration.arrow'), { size: 64, limit: 64 })) {
  for (let i = 0; i < ${CALLS}; i++) fromIpc(bytes);
  const before = old();
  for (let i = 0; i < ${CALLS}; i++) fromIpc(bytes);
  console.log((old() - before) / ${CALLS});
}`;

suite('data/record-batches', test => {
  test('reading a block leaves no old garbage: apache-arrow\'s own reader leaves 1.6 KB', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', reading(import.meta.url)]);
    assert.ok(Number(stdout) < 300, `${stdout.trim()} bytes a block`);
  });
});
