import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

import { QuantpipeError } from '../base/errors.ts';
import { type Observed, type ObserveTask, type ObservingSetup, receivedError, type Reply, type SentError } from './protocol.ts';

/** What the process is told first. */
export interface IsolatedSetup {
  readonly kind: 'setup';
  readonly observing: ObservingSetup;
  /** Address of the thread's module; null for quantpipe's own. */
  readonly worker: string | null;
}

/** What it is told for each block. */
export interface IsolatedTask {
  readonly kind: 'task';
  readonly task: ObserveTask;
  readonly timeoutMs: number;
}

/** Its answer to a task: the thread's reply, or what a pool throws instead. */
export type IsolatedAnswer = { readonly reply: Reply<Observed> } | { readonly thrown: SentError };

/**
 * A thread in a process of its own, for blocks that were under way when a process ended: whether a block was the cause, or the process was killed from
 * outside, shows here, and takes down no more than this one. The process starts with the first block, and anew after each end.
 */
export class IsolatedPool {
  readonly #setup: IsolatedSetup;
  #child: ChildProcess | null = null;

  constructor(observing: ObservingSetup, worker: URL | undefined) {
    this.#setup = { kind: 'setup', observing: { ...observing, model: new Uint8Array(observing.model) }, worker: worker?.href ?? null }; // shared memory does not go to another process
  }

  /** As Pool.observe, but that the bytes are copied. @throws QuantpipeError `worker-lost` where the thread or its process ended at it */
  async observe(task: ObserveTask, timeoutMs = Infinity): Promise<Reply<Observed>> {
    const answer = await this.#answer({ kind: 'task', task, timeoutMs });
    if ('thrown' in answer) throw receivedError(answer.thrown);
    return answer.reply;
  }

  /** End the process, without waiting for what still runs in it. */
  async close(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  #answer(task: IsolatedTask): Promise<IsolatedAnswer> {
    const child = this.#child ??= this.#start();
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void) => {
        child.removeAllListeners('message').off('exit', ended).off('error', failed);
        outcome();
      };
      const ended = (code: number | null, signal: string | null) => settle(() => reject(new QuantpipeError('worker-lost', `a process that ran nothing but this batch ended: ${signal ?? `exit code ${code}`}`)));
      const failed = (error: Error) => settle(() => reject(error)); // it could not be started
      child.once('exit', ended).once('error', failed).once('message', answer => settle(() => resolve(answer as IsolatedAnswer)));
      child.send(task, () => {}); // one that is gone says so by its end
    });
  }

  #start(): ChildProcess {
    const child = fork(new URL('./isolated-process.js', import.meta.url), { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }); // standard output is the command's
    child.once('exit', () => { this.#child = null; });
    child.send(this.#setup, () => {});
    return child;
  }
}
