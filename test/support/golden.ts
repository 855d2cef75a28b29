import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as assert from 'uvu/assert';

/**
 * Compare text with a file under fixtures/expected/. `UPDATE=1 npm test` rewrites the files; review
 * them with `git diff`. A missing file is a failure, so that a golden never appears unread.
 */
export async function golden(name: string, actual: string): Promise<void> {
  const path = `fixtures/expected/${name}`;
  if (process.env['UPDATE']) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, actual);
  }
  const expected = await readFile(path, 'utf8').catch(() => assert.unreachable(`${path} is missing; run UPDATE=1 npm test`));
  assert.fixture(actual, expected as string);
}
