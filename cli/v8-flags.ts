// What V8 is told where the process is ours: that of the command line, and of the benchmarks, which measure what it does.

import { setFlagsFromString } from 'node:v8';

/** V8 from Node 22 on has another measure of when to optimize, and complains of the older one. */
const HAS_INTERRUPT_BUDGET = parseInt(process.versions.v8) < 12;

/** Leave the processors to the worker threads: before anything else runs. */
export function setV8Flags(): void {
  // An engine's outputs are outside V8's heap, and every 64 MiB of them make it collect garbage. What helps it along in other threads takes
  // processors from our own: measured on a text recognizer, two workers do a third more without (and one as many as before).
  setFlagsFromString('--no-concurrent-marking');
  // V8 optimizes what ran a little; what runs once a batch, in every thread, costs more to optimize than it ever gives back: measured on 60,000 small images, a
  // tenth of the time and 15 MiB, of which a short run has nothing yet. Loops over samples pass this number at once.
  if (HAS_INTERRUPT_BUDGET) setFlagsFromString('--interrupt-budget=1000000');
}
