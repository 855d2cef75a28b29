import observe from '../../pipeline/calibrate/worker.ts';
import type { Reply, Task } from '../../pipeline/calibrate/protocol.ts';
import { TIMES, type Span } from './busy.ts';

const times = new BroadcastChannel(TIMES);

/** quantpipe's own worker, which tells when each of its tasks began and ended. */
export default async function work(task: Task): Promise<Reply<unknown>> {
  const begin = now();
  const reply = await observe(task);
  times.postMessage({ begin, end: now() } satisfies Span);
  return reply;
}

/** Milliseconds on a clock that all threads have in common. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
