/**
 * When a task's turn came, and how long its thread has been getting ready for it since (loading engine and model), in nanoseconds. In shared memory, because a
 * thread that hangs or dies tells nothing: the turn's beginning, which entry.cts sets (0 before it), what getting ready has taken, and since when it goes on (0 when it does not).
 */
export type TurnClock = BigInt64Array;

const BEGAN = 0, READIED = 1, READYING = 2;

export function turnClock(): TurnClock {
  return new BigInt64Array(new SharedArrayBuffer(3 * BigInt64Array.BYTES_PER_ELEMENT));
}

/** In the thread: work that gets it ready, and is not the task's own. */
export async function gettingReady<T>(clock: TurnClock | undefined, work: () => Promise<T>): Promise<T> {
  if (clock === undefined) return work();
  const since = process.hrtime.bigint();
  Atomics.store(clock, READYING, since);
  try {
    return await work();
  } finally {
    Atomics.add(clock, READIED, process.hrtime.bigint() - since);
    Atomics.store(clock, READYING, 0n);
  }
}

export function hasBegun(clock: TurnClock): boolean {
  return Atomics.load(clock, BEGAN) !== 0n;
}

/** Milliseconds of the task's own since its turn came; 0 before. */
export function ownMs(clock: TurnClock): number {
  const [began, readied, readying] = [Atomics.load(clock, BEGAN), Atomics.load(clock, READIED), Atomics.load(clock, READYING)];
  if (began === 0n) return 0;
  return Number((readying === 0n ? process.hrtime.bigint() : readying) - began - readied) / 1e6;
}
