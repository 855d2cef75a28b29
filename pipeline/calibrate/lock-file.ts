import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';

import { makeFolder } from '../base/atomic-file.ts';
import { QuantpipeError } from '../base/errors.ts';

/**
 * Hold a lock: a file with this process's number and machine, which must not be there before. One that a process left behind when it
 * died on this machine is taken over. The function returned lets go of it.
 *
 * @throws QuantpipeError `checkpoint-mismatch` naming the process that holds it
 */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  while (!await wasMade(path)) {
    const [pid, host] = (await readFile(path, 'utf8').catch(() => '')).trim().split(' ');
    if (host !== undefined && (host !== hostname() || isAlive(Number(pid)))) {
      throw new QuantpipeError('checkpoint-mismatch', `process ${pid} on ${host} uses this checkpoint; wait for it, or remove '${path}' where it is gone`, { file: path });
    }
    await rm(path, { force: true });
  }
  return () => rm(path, { force: true });
}

/** Make the file with its content in one step: linked from one written beside it, so that nobody finds it empty. */
async function wasMade(path: string): Promise<boolean> {
  const own = `${path}.${process.pid}`;
  try {
    await makeFolder(dirname(path));
    await writeFile(own, `${process.pid} ${hostname()}\n`);
    await link(own, path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new QuantpipeError('output-unwritable', `cannot write ${path}: ${(cause as Error).message}`, { file: path }, { cause });
  } finally {
    await rm(own, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 only asks
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
