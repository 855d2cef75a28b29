import observe from '../../pipeline/calibrate/worker.ts';
import type { Reply, Task } from '../../pipeline/calibrate/protocol.ts';
import { DEADLY } from './poison.ts';

/** quantpipe's own worker, in a thread that does not survive one block, as when the engine aborts on it. */
export default async function work(task: Task): Promise<Reply<unknown>> {
  if (task.kind === 'observe' && task.index === DEADLY) process.exit(1);
  return observe(task);
}
