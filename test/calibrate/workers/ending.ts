import { setTimeout } from 'node:timers/promises';

import type { ObserveTask, Reply } from '../../../pipeline/calibrate/protocol.ts';

/** A worker that takes its process down at block 1, once block 2 is there too, and hangs at blocks 2 and 3. Else it tells its process. */
export default async function work({ index }: ObserveTask): Promise<Reply<unknown>> {
  if (index === 1) {
    await setTimeout(200);
    process.kill(process.pid, 'SIGKILL');
  }
  if (index !== 0) await setTimeout(20_000);
  return { ok: true, value: { samples: process.pid } };
}
