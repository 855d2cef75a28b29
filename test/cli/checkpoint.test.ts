import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { withCheckpoint } from '../../cli/calibration.ts';
import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

async function refused(body: () => Promise<unknown>): Promise<QuantpipeError> {
  try {
    await body();
  } catch (error) {
    return error as QuantpipeError;
  }
  throw new Error('nothing was thrown');
}

/** Of a command that nobody interrupts. */
const undisturbed = { signal: new AbortController().signal };

suite('cli/checkpoint', test => {
  test('is locked until all that it is kept for is made, and then goes with its journal', () => inFolder(async folder => {
    const path = join(folder, 'checkpoint.arrow');
    const made = await withCheckpoint(path, undisturbed, async () => {
      for (const file of [path, `${path}.journal`]) await writeFile(file, '');
      const second = await refused(() => withCheckpoint(path, undisturbed, async () => 'two at a time'));
      assert.is(second.code, 'checkpoint-mismatch');
      assert.ok(existsSync(path), 'the second one removes nothing');
      return 'made';
    });
    assert.is(made, 'made');
    assert.equal(await readdir(folder), []);
  }));

  test('stays where the work fails, with its lock gone, unless no further run could fare better', () => inFolder(async folder => {
    const path = join(folder, 'checkpoint.arrow');
    const failing = (code: 'output-unwritable' | 'statistics-missing') => refused(() => withCheckpoint(path, undisturbed, async () => {
      await writeFile(path, '');
      throw new QuantpipeError(code, 'no');
    }));
    assert.equal((await failing('output-unwritable')).context, { 'what was observed is kept in': `${path} (--resume goes on from there)` });
    assert.equal(await readdir(folder), ['checkpoint.arrow']);
    assert.equal((await failing('statistics-missing')).context, {});
    assert.equal(await readdir(folder), []);
  }));

  test('is named where the work is interrupted that comes after the observing', () => inFolder(async folder => {
    const path = join(folder, 'checkpoint.arrow'), controller = new AbortController();
    const interrupted = await refused(() => withCheckpoint(path, controller, async () => {
      await writeFile(path, '');
      controller.abort(new QuantpipeError('interrupted', 'stopped'));
      controller.signal.throwIfAborted();
    }));
    assert.equal([interrupted.code, interrupted.message, interrupted.context], ['interrupted', 'stopped', { 'what was observed is kept in': `${path} (--resume goes on from there)` }]);
  }));
});
