import { appendFileSync, readFileSync } from 'node:fs';

import { setupOfWorker } from '../../../pipeline/calibrate/pool.ts';
import type { LoadTask, ObserveTask, Reply } from '../../../pipeline/calibrate/protocol.ts';

/** A worker that notes each task beside what the journal says by then. Its taps are the paths of the journal and of its notes. */
export default async function work({ kind }: LoadTask | ObserveTask): Promise<Reply<unknown>> {
  const [journal, notes] = setupOfWorker().observing!.taps;
  appendFileSync(notes!, `${kind}: ${readFileSync(journal!, 'utf8').trimEnd().split('\n').join(', ')}\n`);
  return { ok: true, value: kind === 'load' ? null : { samples: 1, tensors: { memory: new ArrayBuffer(0), lengths: [] } } };
}
