import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { makeFolder } from '../base/atomic-file.ts';
import { QuantpipeError } from '../base/errors.ts';
import { isAlive, startOf } from '../base/process-mark.ts';

/** Locks that this process holds or is about to, by the random part of their text. */
const ownTokens = new Set<string>();

/** How often, 10 ms apart, to look again while another process takes over a stale lock. */
const MOST_LOOKS = 500;

/**
 * Hold a lock: a file that names this process, its machine and when it started, which must not be there before. One that a process left
 * behind when it died on this machine is taken over. The function returned lets go of it.
 *
 * @throws QuantpipeError `checkpoint-mismatch` naming the process that holds it
 */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  for (let looks = 1; ; looks++) {
    const outcome = await tryLock(path);
    if (typeof outcome === 'function') return outcome;
    const [text, file] = outcome;
    const [pid, host] = text.split(' ');
    if (file === path || host !== hostname() || looks === MOST_LOOKS) {
      throw new QuantpipeError('checkpoint-mismatch', `process ${pid} on ${host} uses this checkpoint; wait for it, or remove '${file}' where it is gone`, { file });
    }
    await setTimeout(10);
  }
}

/**
 * Only who holds a second lock, beside the first, may replace a stale one, and does so in one step: else two could find it stale, and the
 * slower one remove what the faster one has put there. The second lock can be left behind too, so it is taken in the same way.
 *
 * @returns what lets go of the lock, or the text and the path of the one that is in the way
 */
async function tryLock(path: string): Promise<(() => Promise<void>) | [text: string, file: string]> {
  for (;;) {
    const made = await putOwn(path, link);
    if (made !== null) return made;
    const text = await textOf(path);
    if (text === null) continue;
    if (await isHeld(text)) return [text, path];
    const guard = await tryLock(`${path}.takeover`);
    if (typeof guard !== 'function') return guard;
    try {
      if (await textOf(path) === text) return (await putOwn(path, rename))!;
    } finally {
      await guard();
    }
  }
}

/** Bring a lock to its place, written whole beside it, so that nobody finds it empty. Null where `link` finds one there. */
async function putOwn(path: string, put: (from: string, to: string) => Promise<void>): Promise<(() => Promise<void>) | null> {
  const token = randomUUID();
  const own = `${path}.${token}`;
  ownTokens.add(token);
  try {
    await makeFolder(dirname(path));
    await writeFile(own, `${process.pid} ${hostname()} ${await startOf(process.pid) ?? '-'} ${token}\n`);
    await put(own, path);
    return async () => {
      await rm(path, { force: true });
      ownTokens.delete(token);
    };
  } catch (cause) {
    ownTokens.delete(token);
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return null;
    throw new QuantpipeError('output-unwritable', `cannot write ${path}: ${(cause as Error).message}`, { file: path }, { cause });
  } finally {
    await rm(own, { force: true });
  }
}

function textOf(path: string): Promise<string | null> {
  return readFile(path, 'utf8').then(text => text.trim(), (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new QuantpipeError('output-unwritable', `cannot read ${path}: ${error.message}`, { file: path }, { cause: error });
  });
}

/** A number alone does not tell who holds a lock: a container that starts again gives the same ones. Older locks have no more. */
async function isHeld(text: string): Promise<boolean> {
  const [pid, host, start = '-', token = ''] = text.split(' ');
  if (host === undefined) return false;
  if (host !== hostname()) return true;
  if (!isAlive(Number(pid))) return false;
  const now = start === '-' ? null : await startOf(Number(pid));
  if (now !== null) return now === start;
  return Number(pid) !== process.pid || ownTokens.has(token);
}
