import { QuantpipeError } from '../pipeline/base/errors.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Run `body` with a signal that aborts at the first SIGINT, SIGTERM or SIGHUP (a terminal that is closed), so that workers are stopped and nothing is
 * left half-written; a second one ends the process at once, whatever its threads wait for. Either way the exit code is 130.
 */
export async function interruptible<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) return endAtOnce();
    controller.abort(new QuantpipeError('interrupted', 'stopped before the end; no result was written'));
  };
  const endAtOnce = () => {
    process.off('SIGINT', stop);
    process.kill(process.pid, 'SIGINT'); // shells make 130 of it; process.exit would wait for a thread that waits for the system (to open a pipe, for a network's disk)
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    return await body(controller.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
  }
}
