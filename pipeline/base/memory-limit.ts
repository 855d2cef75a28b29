import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/** Text of a file; null where it cannot be read. */
export type ReadText = (path: string) => string | null;

/** Bytes that this process may use: the machine's memory, or less where a control group (a container, a job) allows less. */
export function memoryLimit(read: ReadText = readText, machine = totalmem()): number {
  return Math.min(machine, ...controlGroups(read('/proc/self/cgroup') ?? '').flatMap(({ root, path, file }) => limitsUpwards(root, path, file, read)));
}

interface ControlGroup {
  readonly root: string;
  readonly path: string;
  /** Where its limit stands, in every group from this one up to the root: the smallest counts. */
  readonly file: string;
}

/** Lines of /proc/self/cgroup are `0::/path` in version 2, and `4:memory:/path` in version 1. */
function controlGroups(text: string): ControlGroup[] {
  return [...text.matchAll(/^\d+:([^:]*):(\/.*)$/gm)].flatMap(([, controllers, path]) => {
    if (controllers === '') return { root: '/sys/fs/cgroup', path: path!, file: 'memory.max' };
    return controllers!.split(',').includes('memory') ? { root: '/sys/fs/cgroup/memory', path: path!, file: 'memory.limit_in_bytes' } : [];
  });
}

/** Inside a container the path may be the host's and not be there; the root then is the container's own. */
function limitsUpwards(root: string, path: string, file: string, read: ReadText): number[] {
  const limits: number[] = [];
  for (let at = path; ; at = dirname(at)) {
    const limit = /^\d+$/.exec((read(join(root, at, file)) ?? '').trim()); // or 'max'
    if (limit !== null) limits.push(Number(limit[0]));
    if (at === '/') return limits;
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
