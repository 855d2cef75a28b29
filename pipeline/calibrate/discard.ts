import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';

/** Give the memory of `values` back now. They, and every other view of their buffer, are empty afterwards. */
export type Discard = (values: ArrayBufferView) => void;

/**
 * A run of the engine leaves megabytes of outputs that are needed for a moment. Left to the garbage collector they pile up until
 * it runs, so that every batch writes to fresh memory: measured, that takes longer than observing them. What is moved to a
 * port that is closed is freed on the spot, and the next batch finds the same memory, still in the cache. The same holds for what the main
 * thread receives: each thread may otherwise hold 64 MiB of garbage before its collector runs, and memory grows with the length of the data.
 */
export async function openSink(): Promise<Discard> {
  const { port1, port2 } = new MessageChannel();
  const closed = once(port1, 'close'); // until then, messages would wait for a reader
  port1.ref(); // and until then the event loop must not end
  port2.close();
  await closed;
  return values => port1.postMessage(null, [values.buffer as ArrayBuffer]);
}
