// Which process something belongs to. A number alone does not tell: it is given again, and a container that starts again has the same ones.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/** When a process started, in ticks since the machine did; null where the system does not tell. */
export async function startOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null; // field 22; the second, a name in brackets, may hold spaces
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 only asks
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // it is another user's
  }
}

/** Of this process, for names of files: its machine, number and start. Matches {@link MARK}. */
export async function processMark(): Promise<string> {
  return `${machine()}-${process.pid}-${await startOf(process.pid) ?? 0}`;
}

/** What a mark looks like, for regular expressions. */
export const MARK = '[0-9a-f]{8}-\\d+-\\d+';

/** Whether the process of a mark is known to have ended: never of one on another machine. */
export async function hasEnded(mark: string): Promise<boolean> {
  const [host, pid, start] = mark.split('-');
  if (host !== machine()) return false;
  if (!isAlive(Number(pid))) return true;
  const now = start === '0' ? null : await startOf(Number(pid));
  return now !== null && now !== start;
}

function machine(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
}
