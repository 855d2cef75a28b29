import { appendFileSync } from 'node:fs';

import { setupOfWorker } from '../../../pipeline/calibrate/pool.ts';
import type { Measured, MeasureTask, ObserveTask, Reply } from '../../../pipeline/calibrate/protocol.ts';

const MiB = 2 ** 20;

/**
 * A worker that notes where and with which limits it observes (its only tap is the notes' path). Block 1 needs to be alone, where it shows that a run of 100 elements takes
 * 3 bytes each for computing.
 */
export default async function work(task: ObserveTask | MeasureTask): Promise<Reply<unknown>> {
  if (task.kind === 'measure') return { ok: true, value: { samples: 1, sizes: { elements: 1, taps: [1] }, loadedBytes: 128 * MiB, peakBytes: 128 * MiB } satisfies Measured };
  const { index, limits } = task;
  appendFileSync(setupOfWorker().observing!.taps[0]!, `${JSON.stringify({ index, pid: process.pid, threshold: process.env['MALLOC_MMAP_THRESHOLD_'] ?? null, ...limits })}\n`);
  if (index === 1 && limits?.isAlone !== true) return { ok: false, stage: 'room', error: { code: 'config-invalid', message: 'no room', context: {}, stack: '' } };
  const learnt = limits?.isAlone ? { known: { elements: 100, taps: [200] }, running: 3, loadedBytes: 150 * MiB, peakBytes: 160 * MiB } : null;
  return { ok: true, value: { samples: 1, tensors: { memory: new ArrayBuffer(0), lengths: [] }, learnt } };
}
