import observe from '../../pipeline/calibrate/worker.ts';
import type { Reply, Task } from '../../pipeline/calibrate/protocol.ts';

/** About one task in so many takes its thread down, half of them before and half of them after the work. */
export const ONE_IN = 100;
/** Tasks that a thread lives for at least, or one block in a million would meet three deaths and be set aside, as it should. */
const SAFE = 4;

let tasks = 0;

/** quantpipe's own worker, in a thread that may die at any later task. Chance is meant: the outcome must not depend on it. */
export default async function work(task: Task): Promise<Reply<unknown>> {
  const chance = ++tasks <= SAFE ? 1 : Math.random() * ONE_IN;
  if (chance < 0.5) process.exit(1);
  const reply = await observe(task);
  if (chance < 1) process.exit(1);
  return reply;
}
