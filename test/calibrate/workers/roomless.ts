import { appendFileSync } from 'node:fs';

import { setupOfWorker } from '../../../pipeline/calibrate/pool.ts';
import type { Measured, MeasureTask, ObserveTask, Reply } from '../../../pipeline/calibrate/protocol.ts';

const MiB = 2 ** 20;

/**
 * A worker that notes where and with which limits it observes (its only tap is the notes' path). Blocks 1 and 3 need to be alone, where they show that a run of 100 or
 * 1000 elements takes 3 bytes each for computing, or 1 MiB.
 */
export default async function work(task: ObserveTask | MeasureTask): Promise<Reply<unknown>> {
  if (task.kind === 'measure') return { ok: true, value: { samples: 1, sizes: { elements: 1, sample: 1, taps: [1] }, loadedBytes: 128 * MiB, peakBytes: 128 * MiB } satisfies Measured };
  const { index, limits } = task;
  appendFileSync(setupOfWorker().observing!.taps[0]!, `${JSON.stringify({ index, pid: process.pid, threshold: process.env['MALLOC_MMAP_THRESHOLD_'] ?? null, ...limits })}\n`);
  if ((index === 1 || index === 3) && limits?.isAlone !== true) return { ok: false, stage: 'room', error: { code: 'config-invalid', message: 'no room', context: {}, stack: '' } };
  const size = index === 1 ? { known: { elements: 100, sample: 100, taps: [200] }, running: 3 } : { known: { elements: 1000, sample: 1000, taps: [2000] }, running: MiB };
  const learnt = limits?.isAlone ? { ...size, loadedBytes: 150 * MiB, peakBytes: 160 * MiB } : null;
  return { ok: true, value: { samples: 1, tensors: { memory: new ArrayBuffer(0), lengths: [] }, learnt } };
}
