import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { makeFolder, unwritable } from '../base/atomic-file.ts';
import { QuantpipeError } from '../base/errors.ts';
import { orAborted } from '../base/or-aborted.ts';
import { isAlive, startOf } from '../base/process-mark.ts';

/** Locks that this process holds or is about to, by the random part of their text. */
const ownTokens = new Set<string>();

/** How often, 10 ms apart, to look again while another process takes over a stale lock. */
const MOST_LOOKS = 500;

export interface LockOptions {
  /** Milliseconds between two signs of life: the file is touched, which other machines see. */
  readonly beatMs: number;
  /** How long a lock of another machine may show none before it is taken for left behind, by the clock of who waits. Longer than any work that lets no timer run. */
  readonly patienceMs: number;
  /** Aborting ends the waiting; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Told, in words, what is waited for. */
  readonly onWait?: ((what: string) => void) | undefined;
}

const USUAL: LockOptions = { beatMs: 5_000, patienceMs: 60_000 };

/**
 * Hold a lock: a file that names this process, its machine and when it started, which must not be there before. One that a process left
 * behind when it died is taken over: on this machine at once, from another (a container or a task that comes back has a new name) after it
 * has shown no sign of life for a while. The function returned lets go of it.
 *
 * @throws QuantpipeError `checkpoint-mismatch` naming the process that holds it
 */
export async function lockFile(path: string, options: Partial<LockOptions> = {}): Promise<() => Promise<void>> {
  for (let looks = 1; ; looks++) {
    const outcome = await tryLock(path, { ...USUAL, ...options });
    if (typeof outcome === 'function') return outcome;
    const [text, file] = outcome;
    const [pid, host] = text.split(' ');
    if (file === path || host !== hostname() || looks === MOST_LOOKS) {
      throw new QuantpipeError('checkpoint-mismatch', `process ${pid} on ${host} uses this checkpoint; wait for it, or remove '${file}' where it is gone`, { file });
    }
    await sleep(10);
  }
}

/**
 * Only who holds a second lock, beside the first, may replace a stale one, and does so in one step: else two could find it stale, and the
 * slower one remove what the faster one has put there. The second lock can be left behind too, so it is taken in the same way.
 *
 * @returns what lets go of the lock, or the text and the path of the one that is in the way
 */
async function tryLock(path: string, options: LockOptions): Promise<(() => Promise<void>) | [text: string, file: string]> {
  for (;;) {
    const made = await putOwn(path, link, options);
    if (made !== null) return made;
    const text = await textOf(path);
    if (text === null) continue;
    if (await isHeld(text, path, options)) return [text, path];
    const guard = await tryLock(`${path}.takeover`, options);
    if (typeof guard !== 'function') return guard;
    try {
      if (await textOf(path) === text) return (await putOwn(path, rename, options))!;
    } finally {
      await guard();
    }
  }
}

/** Bring a lock to its place, written whole beside it, so that nobody finds it empty. Null where `link` finds one there. */
async function putOwn(path: string, put: (from: string, to: string) => Promise<void>, { beatMs }: LockOptions): Promise<(() => Promise<void>) | null> {
  const token = randomUUID();
  const own = `${path}.${token}`;
  ownTokens.add(token);
  try {
    await makeFolder(dirname(path));
    await writeFile(own, `${process.pid} ${hostname()} ${await startOf(process.pid) ?? '-'} ${token}\n`);
    await put(own, path);
    const beat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), beatMs).unref();
    return async () => {
      clearInterval(beat);
      await rm(path, { force: true });
      ownTokens.delete(token);
    };
  } catch (cause) {
    ownTokens.delete(token);
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return null;
    throw unwritable(path, cause);
  } finally {
    await rm(own, { force: true });
  }
}

function textOf(path: string): Promise<string | null> {
  return readFile(path, 'utf8').then(text => text.trim(), (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    if (error.code === 'EISDIR') throw new QuantpipeError('output-unwritable', `'${path}' is a folder, where this program keeps a file: remove it, or choose another checkpoint`, { file: path }, { cause: error });
    throw new QuantpipeError('output-unwritable', `cannot read ${path}: ${error.message}`, { file: path }, { cause: error });
  });
}

/** A number alone does not tell who holds a lock: a container that starts again gives the same ones. Older locks have no more. */
async function isHeld(text: string, path: string, options: LockOptions): Promise<boolean> {
  const [pid, host, start = '-', token = ''] = text.split(' ');
  if (host === undefined) return false;
  if (host !== hostname()) {
    options.onWait?.(`process ${pid} on ${host} has locked this checkpoint: waiting for a sign of life, ${options.patienceMs / 1000} s at most (where it is gone, remove '${path}')`);
    return showsLife(path, options);
  }
  if (!isAlive(Number(pid))) return false;
  const now = start === '-' ? null : await startOf(Number(pid));
  if (now !== null) return now === start;
  return Number(pid) !== process.pid || ownTokens.has(token);
}

/** Whether a lock of another machine is touched, or goes, while we wait. Clocks of two machines are not compared. */
async function showsLife(path: string, { beatMs, patienceMs, signal }: LockOptions): Promise<boolean> {
  const touched = () => stat(path).then(({ mtimeMs }) => mtimeMs, () => null);
  const before = await touched();
  for (let waited = 0; waited < patienceMs; waited += beatMs / 2) {
    await orAborted(sleep(beatMs / 2), signal);
    if (await touched() !== before) return true;
  }
  return false;
}
