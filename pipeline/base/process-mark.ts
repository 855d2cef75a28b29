// Which process something belongs to. A number alone does not tell: it is given again, and a container that starts again has the same ones.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/** When a process started, in ticks since the machine did; null where the system does not tell. */
export async function startOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return stat === null ? null : fieldsOf(stat)[19] ?? null; // field 22
}

/** Of what the system says of a process, from the third field on: the second, a name in brackets, may hold spaces. */
function fieldsOf(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** A process that was killed and that its parent has not asked for yet (in a container, nobody may ever) has a number, and runs no more. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 only asks
    return !hasExited(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // it is another user's
  }
}

/** Where the system tells. */
function hasExited(pid: number): boolean {
  try {
    return fieldsOf(readFileSync(`/proc/${pid}/stat`, 'utf8'))[0] === 'Z';
  } catch {
    return false;
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
