// The process of an IsolatedPool. It ends with the one that started it, and by no signal from a terminal, which that one decides about.

import type { IsolatedAnswer, IsolatedSetup, IsolatedTask } from './isolated-pool.ts';
import { Pool } from './pool.ts';
import { sendError } from './protocol.ts';

let pool: Pool | null = null;

async function answer({ task, timeoutMs }: IsolatedTask): Promise<IsolatedAnswer> {
  return pool!.observe(task, timeoutMs).then(reply => ({ reply }), (error: unknown) => ({ thrown: sendError(error) }));
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL')); // an orderly end would meet the engine at work, which complains
process.on('message', async (message: IsolatedSetup | IsolatedTask) => {
  if (message.kind === 'setup') pool = new Pool({ observing: message.observing }, 1, message.worker === null ? undefined : new URL(message.worker));
  else process.send!(await answer(message), () => {}); // if nobody is there any more, the end is near
});
