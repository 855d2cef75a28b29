import { byteSize } from '../base/byte-size.ts';
import { check } from '../base/check.ts';
import { QuantpipeError } from '../base/errors.ts';
import { memoryLimit } from '../base/memory-limit.ts';
import type { Block } from '../data/index.ts';
import { type NoRoomBeside, observeBlock, type Outcome } from './attempts.ts';
import type { Discard } from './discard.ts';
import { IsolatedPool } from './isolated-pool.ts';
import type { Journal } from './journal.ts';
import { afterAlone, BLOCKS_PER_WORKER, leastBudget, type MemoryPlan, type MemoryQuestion, planMemory, roomAlone } from './memory-plan.ts';
import { Pool } from './pool.ts';
import { type Measured, type ObservingSetup, receive, type RunLimits } from './protocol.ts';
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
  #workers: number;
  /** Threads of this process; null where there are none. */
  #here: Pool | null = null;
  #isolated: IsolatedPool;
  /** What fits, where that could be measured. */
  #fitted: { readonly question: MemoryQuestion; readonly limits: RunLimits } | null = null;
  /** Whether a thread may have to be ended while the native engine is at work in it, which only its process can be. */
  readonly #mayHang: boolean;
  #isScarce = false;
  #retries = 0;
  #peakBytes = 0;
  readonly #turns = new Turns();

  constructor(setup: ObservingSetup, journal: Journal | null, options: WorkOptions) {
    this.#setup = setup;
    this.#options = options;
    this.#journal = journal;
    this.#timeoutMs = 1000 * (options.batchTimeout ?? Infinity);
    this.#workers = options.workers;
    this.#mayHang = setup.engine === 'native' && this.#timeoutMs < Infinity;
    this.#isolated = this.#otherProcess(false);
  }

  get workers(): number {
    return this.#workers;
  }

  /** Attempts beyond the first, of all blocks so far. */
  get retries(): number {
    return this.#retries;
  }

  /** The memory that another process for some of the blocks holds now, in bytes. */
  get apartBytes(): number {
    return this.#isolated.heldBytes;
  }

  /** The most memory that this process and another for some of the blocks have held together, in bytes; 0 where there was none. */
  get peakBytes(): number {
    return this.#peakBytes;
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
    const asked = { ...rest, budget: memory ?? usual, mainBytes: (this.#isApart ? 2 : 1) * this.#mainBytes /* a further process holds about as much */, workers: this.#workers, blockBytes: measured.blockBytes, modelBytes: this.#setup.model.length, cost: this.#cost(measured) };
    const least = leastBudget(asked), question = memory === undefined ? { ...asked, budget: Math.max(least, asked.budget) } : asked;
    if (memory !== undefined && memory > memoryLimit()) warnings.push(`${byteSize(memory)} of memory may be used, and the machine or its container has ${byteSize(memoryLimit())}`);
    if (memory === undefined && least > asked.budget) warnings.push(`the work needs ${byteSize(least)} of memory, more than ${byteSize(usual)}, ${100 * SHARE} % of the ${byteSize(memoryLimit())} there are${beside === 1 ? '' : ` for ${beside} processes`}`);
    const { limits, ...plan } = planMemory(question);
    this.#fitted = { question, limits };
    if (plan.workers < this.#workers) {
      await this.close();
      this.#workers = plan.workers;
      this.#isolated = this.#otherProcess(false);
    }
    return plan;
  }

  /** Blocks under way at once: where memory is scarce, none that waits. Up to the last that was under way when an earlier process ended: one, or another process would hold memory beside this one at work. */
  limit(next: number): number {
    return this.#isUpToSuspect(next) ? 1 : this.#workers * (this.#isScarce ? 1 : BLOCKS_PER_WORKER);
  }

  /** A block that was under way when an earlier process ended may be what ended it, so it is observed in a process of its own. */
  async observe(block: Block): Promise<Outcome> {
    const isSuspect = this.#isSuspect(block);
    if (!isSuspect) this.#journal?.begin(block.index);
    const outcome = await this.#turns.together(() => this.#observed(isSuspect ? this.#isolated : this.#pool, block, this.#fitted?.limits ?? null));
    const whole = outcome.kind === 'no-room' ? await this.#turns.alone(() => this.#alone(block)) : outcome;
    this.#journal?.done(block.index);
    if (isSuspect && !this.#isUpToSuspect(block.index + 1)) await this.#isolated.close();
    this.#options.discard(new Uint8Array(block.bytes));
    return whole;
  }

  async close(): Promise<void> {
    const here = this.#here;
    this.#here = null;
    await Promise.all([here?.close(), this.#isolated.close()]);
  }

  /** Whether all blocks are observed in the other process. */
  get #isApart(): boolean {
    return this.#mayHang || this.#isScarce;
  }

  get #pool(): Pool | IsolatedPool {
    if (this.#isApart) return this.#isolated;
    return this.#here ??= new Pool({ observing: this.#setup }, this.#workers, this.#options.worker);
  }

  #otherProcess(isFrugal: boolean): IsolatedPool {
    return new IsolatedPool(this.#setup, { threads: this.#workers, worker: this.#options.worker, isFrugal });
  }

  /**
   * In a process that does nothing else, and gives all memory back when it ends. This one has no threads meanwhile. Where memory turns out to be scarce, all blocks
   * are observed apart from then on: what threads take stays with this process in part, the more the longer samples grow, and its system's allocator was not told to give it back.
   */
  async #alone(block: Block): Promise<Outcome> {
    await this.close();
    this.#isolated = this.#otherProcess(true);
    const fitted = this.#fitted, room = fitted && roomAlone(fitted.question, process.memoryUsage.rss());
    const outcome = await this.#observed(this.#isolated, block, fitted && { ...fitted.limits, bytes: room!, sessions: 1, isAlone: true });
    await this.#isolated.close();
    check(outcome.kind !== 'no-room', 'what is alone has all the room there is');
    const learnt = outcome.kind === 'observed' ? outcome.observed.learnt : null;
    if (fitted !== null && learnt !== null) {
      const { limits, isScarce } = afterAlone(fitted.question, this.#workers, fitted.limits, room!, learnt);
      this.#fitted = { ...fitted, limits };
      this.#isScarce ||= isScarce;
    }
    if (!this.#isScarce) this.#isolated = this.#otherProcess(false);
    return outcome;
  }

  async #observed(pool: Pool | IsolatedPool, block: Block, limits: RunLimits | null): Promise<Outcome | NoRoomBeside> {
    const outcome = await observeBlock(pool, block, { timeoutMs: this.#timeoutMs, attempts: ATTEMPTS, limits, onRetry: () => { this.#retries++; } });
    if (pool === this.#isolated) this.#peakBytes = Math.max(this.#peakBytes, process.memoryUsage.rss() + pool.peakBytes);
    return outcome;
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
    const measured = await this.#pool.measure({ kind: 'measure', bytes: block.bytes.slice(0) }, this.#timeoutMs).then(receive).catch((error: unknown) => {
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
