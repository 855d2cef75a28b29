import { byteSize } from '../base/byte-size.ts';
import { check } from '../base/check.ts';
import { QuantpipeError } from '../base/errors.ts';
import { memoryLimit } from '../base/memory-limit.ts';
import type { Block } from '../data/index.ts';
import { type NoRoomBeside, observeBlock, type Outcome } from './attempts.ts';
import type { Discard } from './discard.ts';
import { IsolatedPool } from './isolated-pool.ts';
import type { Journal } from './journal.ts';
import { BLOCKS_PER_WORKER, leastBudget, type MemoryPlan, type MemoryQuestion, planMemory } from './memory-plan.ts';
import { Pool } from './pool.ts';
import type { Measured, ObservingSetup, RunLimits } from './protocol.ts';
import { Turns } from './turns.ts';

/** Threads that a block may take down before it is set aside; processes of its own, too. */
const ATTEMPTS = 3;
/** Of the memory that the machine or the container has, what is used unless the user says otherwise. */
const SHARE = 0.7;

export interface WorkOptions {
  readonly discard: Discard;
  /** Most threads. */
  readonly workers: number;
  /** Bytes that the process may hold. */
  readonly memory?: number | undefined;
  /** Processes that share what the machine has, this one among them, where `memory` does not say. */
  readonly beside?: number | undefined;
  /** Seconds that one attempt at a block may take. */
  readonly batchTimeout?: number | undefined;
  readonly worker?: URL | undefined;
}

/** What {@link Work.fit} needs to know of the work besides what it measures. */
export interface FitOptions extends Pick<MemoryQuestion, 'block' | 'together'> {
  readonly warnings: string[];
}

/** Threads at work on blocks, what each may hold, and the journal of what is under way. */
export class Work {
  readonly #setup: ObservingSetup;
  readonly #options: WorkOptions;
  readonly #journal: Journal | null;
  readonly #timeoutMs: number;
  readonly #mainBytes = process.memoryUsage.rss();
  #pool: Pool;
  #limits: RunLimits | null = null;
  #retries = 0;
  #isolated: IsolatedPool | null = null;
  readonly #turns = new Turns();

  constructor(setup: ObservingSetup, journal: Journal | null, options: WorkOptions) {
    this.#setup = setup;
    this.#options = options;
    this.#journal = journal;
    this.#timeoutMs = 1000 * (options.batchTimeout ?? Infinity);
    this.#pool = new Pool({ observing: setup }, options.workers, options.worker);
  }

  get workers(): number {
    return this.#pool.size;
  }

  /** Attempts beyond the first, of all blocks so far. */
  get retries(): number {
    return this.#retries;
  }

  /**
   * Measure what the first block takes that can be run, and choose workers, runs and groups of taps accordingly. Where there is none, the work goes
   * on as it was asked for: what is wrong with them will be told when their turn comes.
   *
   * @param first the first blocks
   * @throws `config-invalid` saying the least that would do, where the memory that was asked for is too little
   */
  async fit(first: AsyncIterable<Block>, { warnings, ...rest }: FitOptions): Promise<MemoryPlan | null> {
    const measured = await this.#measureAny(first);
    const { memory, beside = 1 } = this.#options, usual = Math.floor(SHARE * memoryLimit() / beside);
    if (measured === 'no blocks') return null;
    if (measured === null) {
      warnings.push(`the first samples could not be run, so what a run takes is not known, and memory is not held below ${byteSize(memory ?? usual)}`);
      return null;
    }
    const question = { ...rest, budget: memory ?? usual, mainBytes: this.#mainBytes, workers: this.workers, blockBytes: measured.blockBytes, modelBytes: this.#setup.model.length, cost: this.#cost(measured) };
    const least = leastBudget(question);
    if (memory !== undefined && memory > memoryLimit()) warnings.push(`${byteSize(memory)} of memory may be used, and the machine or its container has ${byteSize(memoryLimit())}`);
    if (memory === undefined && least > question.budget) warnings.push(`the work needs ${byteSize(least)} of memory, more than ${byteSize(usual)}, ${100 * SHARE} % of the ${byteSize(memoryLimit())} there are${beside === 1 ? '' : ` for ${beside} processes`}`);
    const { limits, ...plan } = planMemory(memory === undefined ? { ...question, budget: Math.max(least, question.budget) } : question);
    this.#limits = limits;
    if (plan.workers < this.#pool.size) {
      await this.#pool.close();
      this.#pool = new Pool({ observing: this.#setup }, plan.workers, this.#options.worker);
    }
    return plan;
  }

  /** Blocks under way at once. Up to the last that was under way when an earlier process ended: one, or another process would hold memory beside this one at work. */
  limit(next: number): number {
    return this.#isUpToSuspect(next) ? 1 : this.#pool.size * BLOCKS_PER_WORKER;
  }

  /** A block that was under way when an earlier process ended may be what ended it, so it is observed in a process of its own. */
  async observe(block: Block): Promise<Outcome> {
    const isSuspect = this.#isSuspect(block);
    if (!isSuspect) this.#journal?.begin(block.index);
    const pool = isSuspect ? this.#isolated ??= new IsolatedPool(this.#setup, this.#options.worker) : this.#pool;
    const outcome = await this.#turns.together(() => this.#observed(pool, block, this.#limits));
    const whole = outcome.kind === 'no-room' ? await this.#turns.alone(() => this.#observed(pool, block, this.#allRoom())) : outcome;
    check(whole.kind !== 'no-room', 'what is alone has all the room there is');
    this.#journal?.done(block.index);
    if (isSuspect && !this.#isUpToSuspect(block.index + 1)) await this.#isolated!.close();
    this.#options.discard(new Uint8Array(block.bytes));
    return whole;
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#isolated?.close()]);
  }

  #observed(pool: Pick<Pool, 'observe'>, block: Block, limits: RunLimits | null): Promise<Outcome | NoRoomBeside> {
    return observeBlock(pool, block, { timeoutMs: this.#timeoutMs, attempts: ATTEMPTS, limits, onRetry: () => { this.#retries++; } });
  }

  /** Of one worker while no other runs. */
  #allRoom(): RunLimits | null {
    return this.#limits && { ...this.#limits, bytes: this.#limits.bytes * this.workers, isAlone: true };
  }

  #isSuspect({ index }: Block): boolean {
    return this.#journal?.lost.has(index) ?? false;
  }

  #isUpToSuspect(next: number): boolean {
    return [...this.#journal?.lost ?? []].some(block => block >= next);
  }

  async #measureAny(blocks: AsyncIterable<Block>): Promise<Measured & { readonly blockBytes: number } | 'no blocks' | null> {
    let isAny = false;
    for await (const block of blocks) {
      isAny = true;
      const blockBytes = block.bytes.byteLength, measured = await this.#measure(block);
      if (measured !== null) return { ...measured, blockBytes };
    }
    return isAny ? null : 'no blocks';
  }

  async #measure(block: Block): Promise<Measured | null> {
    if (block.rows === 0 || this.#isSuspect(block)) return null;
    this.#journal?.begin(block.index);
    const measured = await this.#pool.measure({ kind: 'measure', bytes: block.bytes.slice(0) }, this.#timeoutMs).catch((error: unknown) => {
      if (error instanceof QuantpipeError) return null;
      throw error;
    });
    this.#journal?.done(block.index);
    return measured;
  }

  #cost({ samples, sizes, loadedBytes, peakBytes }: Measured): MemoryQuestion['cost'] {
    return {
      elements: sizes.elements / samples, tapBytes: sizes.taps.map(count => 4 * count / samples),
      runningBytes: Math.max(0, peakBytes - loadedBytes) / samples, workerBytes: Math.max(0, loadedBytes - this.#mainBytes),
    };
  }
}
