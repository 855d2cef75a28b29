// A thread of discard.test.ts: writes to memory, gives it back, again and again; its message is how often that needed a fresh page.
import { parentPort, workerData } from 'node:worker_threads';

import { keepDiscarded, openSink } from '../../pipeline/calibrate/discard.ts';

const { sizes, rounds, isKept } = workerData as { readonly sizes: readonly number[]; readonly rounds: number; readonly isKept: boolean };

const discard = await openSink();
const round = () => discard(...sizes.map(size => new Uint8Array(size).fill(1)));
const keeper = isKept ? keepDiscarded(discard, sizes.reduce((sum, size) => sum + size, 0)) : null;
round(); // the first needs them in any case
const before = process.resourceUsage().minorPageFault;
for (let i = 0; i < rounds; i++) round();
parentPort!.postMessage({ faults: process.resourceUsage().minorPageFault - before, keeps: keeper?.byteLength ?? 0 });
