import { appendFileSync } from 'node:fs';

import { setupOfWorker } from '../../../pipeline/calibrate/pool.ts';
import type { Measured, MeasureTask, Reply } from '../../../pipeline/calibrate/protocol.ts';

/** A worker that notes what it measures (its only tap is the notes' path), and refuses blocks of two bytes. */
export default async function work({ kind, bytes }: MeasureTask): Promise<Reply<Measured>> {
  appendFileSync(setupOfWorker().observing!.taps[0]!, `${kind} ${bytes.byteLength}\n`);
  if (bytes.byteLength === 2) return { ok: false, stage: 'task', error: { code: 'engine-failed', message: 'refused', context: {}, stack: '' } };
  return { ok: true, value: { samples: 1, sizes: { elements: 1, sample: 1, taps: [1] }, loadedBytes: 2 ** 27, peakBytes: 2 ** 27 } };
}
