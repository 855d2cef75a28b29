import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { writeAtomically } from '../base/atomic-file.ts';
import { QuantpipeError } from '../base/errors.ts';
import { memoryOf } from '../base/peak-memory.ts';
import { temporaryFolder } from '../base/temporary-folder.ts';
import { type Measured, type MeasureTask, type Observed, type ObserveTask, type ObservingSetup, receivedError, type Reply, sendError, type SentError } from './protocol.ts';

/** What the process is told first. */
export interface IsolatedSetup {
  readonly kind: 'setup';
  readonly observing: Omit<ObservingSetup, 'model'>;
  /** Path of the tapped model: by a message, either process would hold it several times. */
  readonly model: string;
  readonly threads: number;
  /** Address of the threads' module; null for quantpipe's own. */
  readonly worker: string | null;
}

/** What it is told for each block. */
export interface IsolatedTask {
  readonly kind: 'task';
  /** Comes back with the answer. */
  readonly id: number;
  readonly task: ObserveTask | MeasureTask;
  readonly timeoutMs: number;
}

/** Its answer to a task: the thread's reply, or what a pool throws instead. */
export type IsolatedAnswer = {
  readonly id: number;
  /** The most memory of the process so far, in bytes. */
  readonly peakBytes: number;
} & ({ readonly reply: Reply<unknown> } | {
  readonly thrown: SentError;
  /** Whether the process ends now, because it cannot end the thread alone. */
  readonly isLast: boolean;
});

export interface IsolatedOptions {
  readonly threads: number;
  readonly worker?: URL | undefined;
  /** Whether memory goes back to the system as soon as it is not needed, which takes time. */
  readonly isFrugal: boolean;
}

/** What waits for an answer. */
interface Waiting {
  readonly resolve: (reply: Reply<never>) => void;
  readonly reject: (error: Error) => void;
}

/**
 * What the process holds goes back to the system when it is not needed any more, where glibc would learn to keep pieces of up to 32 MiB. What the user
 * has set stays.
 */
const FRUGAL = { MALLOC_MMAP_THRESHOLD_: String(2 ** 20) };

/**
 * Threads in a process of their own. For blocks that were under way when a process ended: whether a block was the cause, or the process was killed from
 * outside, shows here, and takes down no more than this one. Where memory is scarce: what they took is back when the process ends. And where a thread may have
 * to be ended in the native engine, which takes its process down. The process starts with the first block, and anew after each end.
 */
export class IsolatedPool {
  readonly #observing: ObservingSetup;
  readonly #options: IsolatedOptions;
  readonly #waiting = new Map<number, Waiting>();
  #tasks = 0;
  #peakBytes = 0;
  #isEnding = false;
  #pid: number | null = null;
  #child: Promise<ChildProcess> | null = null;
  /** Holds the model. */
  #folder: string | null = null;

  constructor(observing: ObservingSetup, options: IsolatedOptions) {
    this.#observing = observing;
    this.#options = options;
  }

  /** The memory that its process holds now, in bytes. */
  get heldBytes(): number {
    return this.#pid === null ? 0 : memoryOf(this.#pid);
  }

  /** The most memory that one of its processes has held, in bytes. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /**
   * As Pool.observe, but that the bytes are copied. Where the process ends at several blocks, each gets a reply of stage 'room': alone it shows which one it was.
   *
   * @throws QuantpipeError `worker-lost` where the thread or its process ended at it
   */
  observe(task: ObserveTask, timeoutMs = Infinity): Promise<Reply<Observed>> {
    return this.#send(task, timeoutMs);
  }

  /** As Pool.measure. */
  measure(task: MeasureTask, timeoutMs = Infinity): Promise<Reply<Measured>> {
    return this.#send(task, timeoutMs);
  }

  /** End the process, without waiting for what still runs in it. */
  async close(): Promise<void> {
    const child = await this.#child?.catch(() => null) ?? null, folder = this.#folder;
    if (child !== null) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    this.#folder = null;
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  }

  async #send<T>(task: IsolatedTask['task'], timeoutMs: number): Promise<Reply<T>> {
    const child = await (this.#child ??= this.#start()), id = this.#tasks++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      child.send({ kind: 'task', id, task, timeoutMs } satisfies IsolatedTask, () => {}); // one that is gone says so by its end
    });
  }

  async #start(): Promise<ChildProcess> {
    const path = join(this.#folder ??= await temporaryFolder('quantpipe-model'), 'model.onnx'), { model, ...observing } = this.#observing;
    if (!existsSync(path)) await writeAtomically(path, model);
    const { threads, worker, isFrugal } = this.#options;
    const child = fork(new URL('./isolated-process.js', import.meta.url), { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: { ...(isFrugal && FRUGAL), ...process.env } }); // standard output is the command's
    this.#pid = child.pid ?? null;
    child.on('message', answer => this.#answered(answer as IsolatedAnswer));
    child.once('exit', (code, signal) => this.#ended(new QuantpipeError('worker-lost', `a process that ran nothing but this batch ended: ${signal ?? `exit code ${code}`}`)));
    child.once('error', error => this.#failed(error)); // it could not be started
    child.send({ kind: 'setup', observing, model: path, threads, worker: worker?.href ?? null } satisfies IsolatedSetup, () => {});
    return child;
  }

  #answered(answer: IsolatedAnswer): void {
    const { resolve, reject } = this.#waiting.get(answer.id)!;
    this.#waiting.delete(answer.id);
    this.#peakBytes = Math.max(this.#peakBytes, answer.peakBytes);
    if ('reply' in answer) return resolve(answer.reply as Reply<never>);
    this.#isEnding = answer.isLast;
    reject(receivedError(answer.thrown));
  }

  #ended(error: QuantpipeError): void {
    const isTheirs = !this.#isEnding;
    this.#isEnding = false;
    if (isTheirs && this.#waiting.size <= 1) return this.#failed(error);
    this.#gone();
    for (const { resolve } of this.#emptied()) resolve({ ok: false, stage: isTheirs ? 'room' : 'waiting', error: sendError(error) });
  }

  #failed(error: Error): void {
    this.#gone();
    for (const { reject } of this.#emptied()) reject(error);
  }

  #gone(): void {
    this.#child = null;
    this.#pid = null;
  }

  #emptied(): Waiting[] {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    return all;
  }
}
