import { QuantpipeError } from '../base/errors.ts';
import type { Block } from '../data/source.ts';
import { type AttemptOptions, observeBlock, type Outcome } from './attempts.ts';
import type { Journal } from './journal.ts';
import { Pool } from './pool.ts';
import type { WorkerSetup } from './protocol.ts';

/** Blocks under way for each worker: one that runs, one that waits, so that a worker never waits for the reader. */
const BLOCKS_PER_WORKER = 2;
/** Threads that a block may take down before it is set aside; processes, too. */
const ATTEMPTS = 3;

/** Threads at work on blocks, and the journal of what is under way. */
export class Work {
  readonly #pool: Pool;
  readonly #journal: Journal | null;
  readonly #attempts: AttemptOptions;

  constructor(setup: WorkerSetup, workers: number, journal: Journal | null, { batchTimeout = Infinity, worker }: { readonly batchTimeout?: number; readonly worker?: URL }) {
    this.#pool = new Pool(setup, workers, worker);
    this.#journal = journal;
    this.#attempts = { timeoutMs: 1000 * batchTimeout, attempts: ATTEMPTS };
  }

  /** Blocks under way at once. Up to the last that was under way when an earlier process ended: one, so that the next end tells which it was. */
  limit(next: number): number {
    const suspects = this.#journal?.lost ?? new Map<number, number>();
    return [...suspects.keys()].some(block => block >= next) ? 1 : this.#pool.size * BLOCKS_PER_WORKER;
  }

  async observe(block: Block): Promise<Outcome> {
    const ends = this.#journal?.lost.get(block.index) ?? 0;
    if (ends >= ATTEMPTS) {
      return { index: block.index, bad: block.bad, kind: 'set-aside', error: new QuantpipeError('worker-lost', `the whole process ended ${ends} times while this batch ran`) };
    }
    this.#journal?.begin(block.index);
    const outcome = await observeBlock(this.#pool, block, this.#attempts);
    this.#journal?.done(block.index);
    return outcome;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
