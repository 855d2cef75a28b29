import observe from '../../../pipeline/calibrate/worker.ts';
import type { Reply, Task } from '../../../pipeline/calibrate/protocol.ts';

/** quantpipe's own worker, but that block 4 takes its whole process down, as an engine that aborts does. */
export default async function work(task: Task): Promise<Reply<unknown>> {
  if (task.kind === 'observe' && task.index === 4) process.kill(process.pid, 'SIGABRT');
  return observe(task);
}
