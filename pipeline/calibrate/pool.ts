import { availableParallelism } from 'node:os';
import { Piscina, workerData } from 'piscina';

import { QuantpipeError } from '../base/errors.ts';
import { type Encoded, type EncodeTask, type Measured, type MeasureTask, type Observed, type ObserveTask, receive, type Reply, sendError, type Task, type WorkerSetup } from './protocol.ts';
import { hasBegun, ownMs, turnClock, type TurnClock } from './turn-clock.ts';

/** Room for young objects in a worker's heap: its large memory is not there, and V8's own 48 MiB would fill up with little garbage. */
const YOUNG_MB = 6;
/** Blocks that a thread is given at once: the next lies there when one is done. */
const BLOCKS_IN_A_THREAD = 2;

/** The longest time that a timer keeps; Node makes 1 ms of a longer one. 24 days are as good as no end. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Between two looks at a task's clock. */
const LEAST_WAIT_MS = 10;

/** A task on its way to entry.cts. */
interface Sent {
  readonly task: Task;
  readonly clock: TurnClock;
}

/** A thread gave no answer in time. */
export class ThreadHung extends QuantpipeError {}

/** Threads that keep a session and kernels between tasks, and never results. */
export class Pool {
  readonly size: number;
  readonly #piscina: Piscina<Sent, Reply<unknown>>;

  /**
   * @param size threads; default one per processor
   * @param entry the module whose default export is called with each task
   */
  constructor(setup: WorkerSetup, size = availableParallelism(), entry = new URL('./worker.js', import.meta.url)) {
    this.size = size;
    this.#piscina = new Piscina<Sent, Reply<unknown>>({
      filename: new URL('./entry.cjs', import.meta.url).href,
      workerData: { entry: entry.href, setup },
      minThreads: 1,
      maxThreads: size,
      idleTimeout: Infinity, // threads start when there is work for them, and stay
      concurrentTasksPerWorker: setup.observing === null ? 1 : BLOCKS_IN_A_THREAD, // run one after another: see entry.cts
      recordTiming: false,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    // Without a listener, a worker that dies while idle would take the process down; its task, if any, is rejected anyway.
    this.#piscina.on('error', () => {});
  }

  /**
   * Observe a block. Its bytes are moved: the caller's buffer is empty afterwards.
   *
   * @param timeoutMs how long it may take from its turn on, beside loading engine and model; then its thread is ended and replaced. Default: as long as it takes
   * @returns the worker's reply, be it a failure; one of stage 'waiting' where the thread ended before it was the block's turn
   * @throws QuantpipeError `worker-lost` where the thread died or hung at it; another one takes its place
   */
  async observe(task: ObserveTask, timeoutMs = Infinity): Promise<Reply<Observed>> {
    return this.#run(task, [task.bytes], timeoutMs);
  }

  /** Find out what a run takes. The block's bytes are moved. */
  async measure(task: MeasureTask, timeoutMs = Infinity): Promise<Reply<Measured>> {
    return this.#run(task, [task.bytes], timeoutMs);
  }

  async encode(task: EncodeTask): Promise<Encoded> {
    return receive(await this.#run<Encoded>(task, task.source.kind === 'values' ? [task.source.values.buffer as ArrayBuffer] : []));
  }

  /** Stop the threads, without waiting for tasks that still run. */
  async close(): Promise<void> {
    await this.#piscina.destroy();
  }

  async #run<T>(task: Task, transferList: ArrayBuffer[], timeoutMs = Infinity): Promise<Reply<T>> {
    const clock = turnClock();
    const watch = timeoutMs <= MAX_TIMER_MS ? new Watch(clock, timeoutMs) : null;
    try {
      return await this.#piscina.run({ task, clock }, { transferList, ...(watch && { signal: watch.signal }) }) as Reply<T>;
    } catch (cause) {
      if (watch?.signal.aborted) throw new ThreadHung('worker-lost', `a worker thread hung: it gave no answer in ${timeoutMs / 1000} s`, {}, { cause });
      const died = new QuantpipeError('worker-lost', `a worker thread died: ${cause instanceof Error ? cause.message : String(cause)}`, {}, { cause });
      if (!hasBegun(clock)) return { ok: false, stage: 'waiting', error: sendError(died) };
      throw died;
    } finally {
      watch?.stop();
    }
  }
}

/** Aborts when a task has taken too long since its turn came. */
class Watch {
  readonly #controller = new AbortController();
  readonly #clock: TurnClock;
  readonly #limitMs: number;
  #timer: NodeJS.Timeout;

  constructor(clock: TurnClock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#timer = setTimeout(() => this.#look(), limitMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    const left = this.#limitMs - ownMs(this.#clock);
    if (left <= 0) this.#controller.abort();
    else this.#timer = setTimeout(() => this.#look(), Math.max(left, LEAST_WAIT_MS)); // it may be getting ready, so that no time passes
  }
}

/** What the pool was set up with, read in the worker. */
export const setupOfWorker = (): WorkerSetup => (workerData as { readonly setup: WorkerSetup }).setup;

/** Mark a worker's reply so that these buffers are moved to the main thread instead of copied. */
export function movingBuffers<T extends object>(value: T, buffers: readonly ArrayBuffer[]): T {
  return Piscina.move({ [Piscina.transferableSymbol]: [...buffers], [Piscina.valueSymbol]: value } as never) as T; // getters would be new shapes to V8 every time, kept for long
}
