import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';

/** Give the memory of these arrays back now. They, and every other view of their buffers, are empty afterwards. */
export type Discard = (...values: readonly ArrayBufferView[]) => void;

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
  return (...values) => port1.postMessage(null, values.map(({ buffer }) => buffer as ArrayBuffer));
}

/** The largest piece that glibc keeps when it is given back, and that it learns from. */
export const LARGEST_KEPT = 2 ** 25 - 2 ** 16;
/** Of this size are the pieces that memory is laid out with. */
const PIECE = 2 ** 20;
/** What pieces of many sizes take of areas of 64 MiB, at the most: some is left over at the end of each. */
const ROOM = 1.5;

/**
 * Let the system's allocator keep `bytes` of what is given back, in pieces of up to 32 MiB, instead of handing them on to the system, so that
 * the next batch writes to memory that is there already, and threads do not wait for each other to get it. Measured: on small images a fifth
 * more samples a second, on a text recognizer with 60 MB of outputs a sample a quarter.
 *
 * Two habits of glibc are met: it begins to keep pieces once one of half that size was given back; and each thread but the first has its memory
 * in areas of 64 MiB, of which it hands on all that are free behind the last piece in use. So a piece in the last of them stays. What is laid
 * out is not written to, so it takes no memory by itself. Other allocators see memory that is asked for and given back.
 *
 * @returns the piece that stays: memory is kept as long as it is
 */
export function keepDiscarded(discard: Discard, bytes: number): ArrayBufferView {
  discard(Buffer.allocUnsafeSlow(Math.min(LARGEST_KEPT, Math.ceil(bytes / 2))));
  const pieces = Array.from({ length: Math.ceil(ROOM * bytes / PIECE) }, () => Buffer.allocUnsafeSlow(PIECE));
  const last = pieces.pop()!;
  discard(...pieces);
  return last;
}
