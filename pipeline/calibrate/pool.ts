import { availableParallelism } from 'node:os';
import { Piscina, workerData } from 'piscina';

import { QuantpipeError } from '../base/errors.ts';
import { type Encoded, type EncodeTask, type Measured, type MeasureTask, type Observed, type ObserveTask, receive, type Reply, type Task, type WorkerSetup } from './protocol.ts';

/** Room for young objects in a worker's heap: its large memory is not there, and V8's own 48 MiB would fill up with little garbage. */
const YOUNG_MB = 6;

/** Threads that keep a session and kernels between tasks, and never results. */
export class Pool {
  readonly size: number;
  readonly #piscina: Piscina<Task, Reply<unknown>>;

  /**
   * @param size threads; default one per processor
   * @param entry the module whose default export is called with each task
   */
  constructor(setup: WorkerSetup, size = availableParallelism(), entry = new URL('./worker.js', import.meta.url)) {
    this.size = size;
    this.#piscina = new Piscina<Task, Reply<unknown>>({
      filename: new URL('./entry.cjs', import.meta.url).href,
      workerData: { entry: entry.href, setup },
      minThreads: 1,
      maxThreads: size,
      idleTimeout: Infinity, // threads start when there is work for them, and stay
      concurrentTasksPerWorker: 1, // a session runs one batch at a time
      recordTiming: false,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    // Without a listener, a worker that dies while idle would take the process down; its task, if any, is rejected anyway.
    this.#piscina.on('error', () => {});
  }

  /**
   * Observe a block. Its bytes are moved: the caller's buffer is empty afterwards.
   *
   * @param timeoutMs how long it may take; then its thread is ended and replaced. Default: as long as it takes
   * @returns the worker's reply, be it a failure
   * @throws QuantpipeError `worker-lost` where the thread died or hung; another one takes its place
   */
  async observe(task: ObserveTask, timeoutMs = Infinity): Promise<Reply<Observed>> {
    return this.#run(task, [task.bytes], timeoutMs);
  }

  /** Find out what a run takes. The block's bytes are moved. */
  async measure(task: MeasureTask, timeoutMs = Infinity): Promise<Measured> {
    return receive(await this.#run<Measured>(task, [task.bytes], timeoutMs));
  }

  async encode(task: EncodeTask): Promise<Encoded> {
    return receive(await this.#run<Encoded>(task, task.source.kind === 'values' ? [task.source.values.buffer as ArrayBuffer] : []));
  }

  /** Stop the threads, without waiting for tasks that still run. */
  async close(): Promise<void> {
    await this.#piscina.destroy();
  }

  async #run<T>(task: Task, transferList: ArrayBuffer[], timeoutMs = Infinity): Promise<Reply<T>> {
    const controller = new AbortController();
    const timer = timeoutMs < Infinity ? setTimeout(() => controller.abort(), timeoutMs) : undefined;
    try {
      return await this.#piscina.run(task, { transferList, ...(timer && { signal: controller.signal }) }) as Reply<T>;
    } catch (cause) {
      if (controller.signal.aborted) throw new QuantpipeError('worker-lost', `a worker thread hung: it gave no answer in ${timeoutMs / 1000} s`, {}, { cause });
      throw new QuantpipeError('worker-lost', `a worker thread died: ${cause instanceof Error ? cause.message : String(cause)}`, {}, { cause });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What the pool was set up with, read in the worker. */
export const setupOfWorker = (): WorkerSetup => (workerData as { readonly setup: WorkerSetup }).setup;

/** Mark a worker's reply so that these buffers are moved to the main thread instead of copied. */
export function movingBuffers<T extends object>(value: T, buffers: readonly ArrayBuffer[]): T {
  return Piscina.move({
    get [Piscina.transferableSymbol]() { return [...buffers]; },
    get [Piscina.valueSymbol]() { return value; },
  } as never) as T;
}
