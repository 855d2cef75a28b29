import { QuantpipeError } from '../pipeline/base/errors.ts';

/**
 * Run `body` with a signal that aborts at the first SIGINT or SIGTERM, so that workers are stopped and nothing is left
 * half-written; a second one ends the process at once. Either way the exit code is 130.
 */
export async function interruptible<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new QuantpipeError('interrupted', 'stopped before the end; nothing was written'));
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await body(controller.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
