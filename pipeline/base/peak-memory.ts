import { readFileSync, writeFileSync } from 'node:fs';

/**
 * The most memory that this process has held, in bytes: on Linux VmHWM of /proc/self/status, elsewhere the system's maximum resident set. On Linux
 * that one begins with what the parent process held when it started this one.
 */
export function peakMemory(readStatus: () => string = () => readFileSync('/proc/self/status', 'utf8')): number {
  try {
    const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readStatus()) ?? [];
    if (kibibytes !== undefined) return 1024 * Number(kibibytes);
  } catch {
    // no /proc here
  }
  return 1024 * process.resourceUsage().maxRSS;
}

/** The memory that another process holds now, in bytes; 0 where the system does not say it, or there is none. */
export function memoryOf(pid: number): number {
  try {
    return 1024 * Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Let {@link peakMemory} begin anew, with what this process holds now. Linux; elsewhere, and where the system does not allow it, nothing happens. */
export function restartPeakMemory(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // then the peak is one of before, too: more than it would be
  }
}
