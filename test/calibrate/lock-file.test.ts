import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';

import { lockFile } from '../../pipeline/calibrate/lock-file.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

/** Above what Linux numbers processes with by default. */
const NOBODY = 4194303;

suite('calibrate/lock-file', test => {
  const stale: [name: string, text: string][] = [
    ['of a process that is gone', `${NOBODY} ${hostname()}\n`],
    ['of an earlier process with our number, as older versions wrote it', `${process.pid} ${hostname()}\n`],
    ['of an earlier process with our number, where no start is known', `${process.pid} ${hostname()} - 0\n`],
  ];
  if (process.platform === 'linux') {
    stale.push(['of an earlier process with our number', `${process.pid} ${hostname()} 1 0\n`]);
    stale.push(['of an earlier process with the number of one that runs', `${process.ppid} ${hostname()} 1 0\n`]);
  }
  for (const [name, text] of stale) test(`takes over a lock ${name}`, () => inFolder(async folder => {
    const path = join(folder, 'lock');
    await writeFile(path, text);
    const unlock = await lockFile(path);
    assert.equal(await readdir(folder), ['lock']);
    await unlock();
    assert.equal(await readdir(folder), []);
  }));

  test('takes over what a process left that was killed while it took over', () => inFolder(async folder => {
    for (const name of ['lock', 'lock.takeover']) await writeFile(join(folder, name), `${NOBODY} ${hostname()}\n`);
    await (await lockFile(join(folder, 'lock')))();
    assert.equal(await readdir(folder), []);
  }));

  test('leaves a lock of this process, and of another that runs', () => inFolder(async folder => {
    const path = join(folder, 'lock');
    const refused = () => lockFile(path).then(() => assert.unreachable('should have failed'), error => assert.is(error.code, 'checkpoint-mismatch'));
    const unlock = await lockFile(path);
    await refused();
    await unlock();
    await writeFile(path, `${process.ppid} ${hostname()}\n`);
    await refused();
  }));

  test('leaves a lock of another machine that shows signs of life, and takes over one that shows none', () => inFolder(async folder => {
    const path = join(folder, 'lock'), quick = { beatMs: 20, patienceMs: 400 };
    const unlock = await lockFile(path, quick);
    await writeFile(path, `${NOBODY} not-${hostname()}\n`); // what another machine sees of it, as long as it is held here
    assert.is(await lockFile(path, quick).then(() => 'taken', error => error.code), 'checkpoint-mismatch');
    await unlock();
    await writeFile(path, `${NOBODY} not-${hostname()}\n`);
    await (await lockFile(path, quick))();
    assert.equal(await readdir(folder), []);
  }));

  test('tells what it waits for, and waits no longer than it is asked to', () => inFolder(async folder => {
    const path = join(folder, 'lock'), told: string[] = [], controller = new AbortController(), reason = new Error('enough');
    await writeFile(path, `${NOBODY} not-${hostname()}\n`);
    const onWait = (what: string) => {
      told.push(what);
      controller.abort(reason);
    };
    assert.is(await lockFile(path, { signal: controller.signal, onWait }).then(() => 'taken', error => error), reason);
    assert.equal(told, [`process ${NOBODY} on not-${hostname()} has locked this checkpoint: waiting for a sign of life, 60 s at most (where it is gone, remove '${path}')`]);
    assert.equal(await readdir(folder), ['lock']);
  }));

  test('a folder in its place is said to be one', () => inFolder(async folder => {
    await mkdir(join(folder, 'lock'));
    const error = await lockFile(join(folder, 'lock')).then(() => null, (thrown: Error) => thrown);
    assert.is(error?.message, `'${join(folder, 'lock')}' is a folder, where this program keeps a file: remove it, or choose another checkpoint`);
  }));

  test('of several processes that find a stale lock, one gets it', () => inFolder(async folder => {
    const path = join(folder, 'lock');
    const takers = Array.from({ length: 6 }, () => fork(fileURLToPath(new URL('./lock-taker.js', import.meta.url))));
    const ask = async (taker: ChildProcess, text: string) => {
      const answer = once(taker, 'message');
      taker.send(text);
      return (await answer)[0] as boolean;
    };
    try {
      for (let trial = 0; trial < 40; trial++) {
        await writeFile(path, `${NOBODY} ${hostname()}\n`);
        const held = await Promise.all(takers.map(taker => ask(taker, path)));
        assert.is(held.filter(Boolean).length, 1, `trial ${trial}`);
        await Promise.all(takers.map(taker => ask(taker, '')));
        assert.equal(await readdir(folder), []);
      }
    } finally {
      for (const taker of takers) taker.kill();
    }
  }));
});
