import observe from '../../pipeline/calibrate/worker.ts';
import type { Reply, Task } from '../../pipeline/calibrate/protocol.ts';

/** One task in so many takes its thread down, half of them before and half of them after the work: seldom enough that no block meets it three times. */
export const ONE_IN = 100;

/** quantpipe's own worker, in a thread that may die at any task. Chance is meant: the outcome must not depend on it. */
export default async function work(task: Task): Promise<Reply<unknown>> {
  const chance = Math.random() * ONE_IN;
  if (chance < 0.5) process.exit(1);
  const reply = await observe(task);
  if (chance < 1) process.exit(1);
  return reply;
}
