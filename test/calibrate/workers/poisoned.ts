import { appendFileSync, existsSync, statSync } from 'node:fs';

import { setupOfWorker } from '../../../pipeline/calibrate/pool.ts';
import type { ObserveTask, Reply } from '../../../pipeline/calibrate/protocol.ts';

/**
 * A worker that fails as the number of its block says: 1 dies always, 2 dies once (a file keeps the memory), 3 hangs, 4 is refused by the
 * engine, 5 meets a bug, 6 cannot start, 7 dies twice. All else is observed.
 */
export default async function work({ index }: ObserveTask): Promise<Reply<unknown>> {
  const failed = (code: string, stage: 'start' | 'task' = 'task') => ({ ok: false, stage, error: { code, message: `block ${index}`, context: {}, stack: '' } }) as Reply<unknown>;
  switch (index) {
    case 1: process.exit(1);
    case 2: case 7: {
      const mark = setupOfWorker().observing!.taps[0]!;
      if (existsSync(mark) && statSync(mark).size >= (index === 2 ? 1 : 2)) break;
      appendFileSync(mark, 'x');
      process.exit(1);
    }
    case 3: await new Promise(() => setInterval(() => {}, 1000));
      break;
    case 4: return failed('engine-failed');
    case 5: return failed('bug');
    case 6: return failed('engine-failed', 'start');
  }
  return { ok: true, value: { samples: 1, tensors: [] } };
}
