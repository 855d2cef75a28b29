import { appendFileSync } from 'node:fs';

import { setupOfWorker } from '../../../pipeline/calibrate/pool.ts';
import type { ObserveTask, Reply } from '../../../pipeline/calibrate/protocol.ts';

/** A worker that notes in which process each block is tried (its only tap is the notes' path). Block 1 takes that process down, always. */
export default async function work({ index }: ObserveTask): Promise<Reply<unknown>> {
  appendFileSync(setupOfWorker().observing!.taps[0]!, `${index} ${process.pid}\n`);
  if (index === 1) process.kill(process.pid, 'SIGKILL');
  return { ok: true, value: { samples: 1, tensors: { memory: new ArrayBuffer(0), lengths: [] } } };
}
