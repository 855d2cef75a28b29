import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import type { QuantpipeError } from '../../pipeline/base/errors.ts';
import { observe } from '../../pipeline/calibrate/calibrate.ts';
import { Journal } from '../../pipeline/calibrate/journal.ts';
import { openSource } from '../../pipeline/data/index.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';
import { fashionPlan, firstLine, IMAGES, observed } from './plans.ts';

/** Takes its process down at block 4. */
const lethal = new URL('./workers/lethal.js', import.meta.url);
const plan = await fashionPlan();
const settings = { limit: 60, batchSize: 4, engine: 'native', workers: 1 } as const;

suite('calibrate/journal', test => {
  test('a block that ends the process before the first checkpoint is found as well; the journal of other work tells nothing', () => inFolder(async folder => {
    const path = join(folder, 'c.arrow'), seldom = { ...settings, checkpoint: { path, resume: true, everySeconds: 1000 } };
    const running = observe(plan, await openSource(IMAGES), seldom);
    await running.next();
    const own = firstLine(await readFile(`${path}.journal`, 'utf8'));
    await running.return(undefined as never);
    await rm(path, { force: true });
    await writeFile(`${path}.journal`, `${own}begin 4\n`);
    const { setAside } = await observed(plan, IMAGES, { ...seldom, worker: lethal });
    assert.equal(setAside.map(({ index }) => index), [4]);
    await writeFile(`${path}.journal`, 'of other\nbegin 4\n');
    const journal = await Journal.open(`${path}.journal`, 0, own.slice('of '.length, -1));
    assert.is(journal.lost.size, 0);
    journal.close();
  }));

  test('one that cannot be written is no bug of ours: the error names it', () => inFolder(async folder => {
    for (const [path, says] of [[folder, 'EISDIR'], ['/dev/full', 'the disk is full']] as const) {
      const error = await Journal.open(path, 0, 'it').catch((error: unknown) => error) as QuantpipeError;
      assert.equal([error.code, error.message.startsWith(`cannot write ${path}: ${says}`)], ['output-unwritable', true]);
    }
  }));

  // what was written before, and who is lost then
  for (const [text, next, lost] of [
    ['', 0, []],
    ['begin 1\nbegin 2\ndone 1\n', 0, [2]],
    ['begin 1\nbegin 2\ndone 1\n', null, []],
    ['begin 3\nbegin 3\nbegin 4\n', 0, [3, 4]],
    ['begin 3\nbegin 3\ndone 3\n', 0, []],
    ['begin 3\nbegin 7\n', 5, [7]],
    ['begin 1\nbeg', 0, [1]],
    ['begin 1\nbegin 12', 0, [1]],
  ] as const) {
    test(`${JSON.stringify(text)} from block ${next} on`, () => inFolder(async folder => {
      const path = join(folder, 'j');
      await writeFile(path, `of it\n${text}`);
      const journal = await Journal.open(path, next, 'it');
      assert.equal([...journal.lost], lost);
      journal.close();
      const again = await Journal.open(path, next === null ? 0 : next, 'it');
      assert.equal([...again.lost], lost, 'and it is kept');
      again.close();
    }));
  }
});
