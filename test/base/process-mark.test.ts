import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import * as assert from 'uvu/assert';

import { writeAtomically } from '../../pipeline/base/atomic-file.ts';
import { hasEnded, isAlive, MARK, processMark, startOf } from '../../pipeline/base/process-mark.ts';
import { temporaryFolder } from '../../pipeline/base/temporary-folder.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';

/** The mark that a process of this number and start has here. */
async function markOf(pid: number, start: string | number): Promise<string> {
  return `${(await processMark()).split('-')[0]}-${pid}-${start}`;
}

/** The number of a process that was, and is no more. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '0']);
  await once(child, 'exit');
  return child.pid!;
}

/** isAlive where the system answers with this code. */
function isAliveWhere(code: string): boolean {
  const { kill } = process;
  process.kill = () => { throw Object.assign(new Error(code), { code }); };
  try {
    return isAlive(1);
  } finally {
    process.kill = kill;
  }
}

suite('base/process-mark', test => {
  test('of a process that runs, that ended, that has the number of one that ended, and on another machine', async () => {
    const own = await processMark();
    assert.match(own, new RegExp(`^${MARK}$`));
    assert.is(await hasEnded(own), false);
    assert.is(await hasEnded(await markOf(await endedProcess(), 1)), true);
    if (existsSync('/proc/self/stat')) assert.is(await hasEnded(await markOf(process.pid, 1)), true, 'its number was given again');
    assert.is(await hasEnded(await markOf(process.pid, 0)), false, 'when it started is not known');
    assert.is(await hasEnded(`00000000-${await endedProcess()}-1`), false, 'nobody knows of other machines');
  });

  test('a process that may not be asked is alive', () => {
    assert.is(isAliveWhere('EPERM'), true);
    assert.is(isAliveWhere('ESRCH'), false);
  });

  if (existsSync('/proc/self/stat')) test('a process that was killed, and whose parent never asks for it, runs no more', async () => {
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60']); // who does not wait for the child that it had as a shell
    try {
      const [line] = await once(parent.stdout, 'data') as [Buffer];
      const pid = Number(line.toString());
      const mark = await markOf(pid, (await startOf(pid))!);
      assert.equal([isAlive(pid), await hasEnded(mark)], [true, false]);
      process.kill(pid, 'SIGKILL');
      for (let looks = 0; looks < 500 && isAlive(pid); looks++) await setTimeout(10);
      assert.ok(existsSync(`/proc/${pid}/stat`), 'it keeps its number');
      assert.equal([isAlive(pid), await hasEnded(mark)], [false, true]);
    } finally {
      parent.kill('SIGKILL');
    }
  });

  test('a temporary folder takes the place of those that killed processes left, and of no others', () => inFolder(async folder => {
    const ended = await markOf(await endedProcess(), 1), others = [`kind-00000000-1-1-abc`, `kind-${await processMark()}-abc`, `other-${ended}-abc`, `kind-${ended}`, 'kind-notes'];
    for (const name of [`kind-${ended}-abc`, ...others]) await mkdir(join(folder, name));
    await writeFile(join(folder, `kind-${ended}-abc`, 'weights.data'), 'much');
    const made = await temporaryFolder('kind', folder);
    assert.equal((await readdir(folder)).sort(), [...others, basename(made)].sort());
    assert.equal(await readdir(made), []);
  }));

  test('writing a file removes what a killed process left half written beside it', () => inFolder(async folder => {
    const id = '00000000-0000-4000-8000-000000000000', ended = await markOf(await endedProcess(), 1);
    const others = [`f.json.${await processMark()}-${id}.tmp`, `g.json.${ended}-${id}.tmp`, `f.json.${ended}.tmp`, 'f.json.mine.tmp'];
    for (const name of [`f.json.${ended}-${id}.tmp`, ...others]) await writeFile(join(folder, name), 'half');
    await writeAtomically(join(folder, 'f.json'), 'whole');
    assert.equal((await readdir(folder)).sort(), ['f.json', ...others].sort());
  }));
});
