import { closeSync, openSync, writeSync } from 'node:fs';

import { QuantpipeError } from '../pipeline/base/errors.ts';
import type { MemoryPlan, Progress } from '../pipeline/index.ts';

/** Between two lines of progress; the last state is always written. */
const LINE_MS = 1_000;

/**
 * Progress as JSON lines, each written as it happens. The keys are a contract: scripts read them.
 *
 *   event              'plan' once, 'progress' about every second, 'done' or 'failed' at the end
 *   seconds            since the start
 *   samples, total     observed so far, and of how many (null where the data do not tell)
 *   batches, setAside, retries
 *   samplesPerSecond, secondsLeft (null where it is not known)
 *   memoryBytes        what the process holds now
 *   plan: budgetBytes, estimateBytes, workers, samplesPerRun, groups        failed: code
 */
export class Metrics {
  readonly #file: number;
  readonly #start = performance.now();
  #written = -Infinity;
  #last: Pick<Progress, 'samples' | 'total' | 'batches' | 'setAside' | 'retries'> = { samples: 0, total: null, batches: 0, setAside: 0, retries: 0 };

  private constructor(file: number) {
    this.#file = file;
  }

  /** @throws `output-unwritable` */
  static open(path: string): Metrics {
    try {
      return new Metrics(openSync(path, 'w'));
    } catch (cause) {
      throw new QuantpipeError('output-unwritable', `cannot write ${path}: ${(cause as Error).message}`, { file: path }, { cause });
    }
  }

  plan(plan: MemoryPlan): void {
    this.#write('plan', { ...plan });
  }

  progress({ samples, total, batches, setAside, retries }: Progress): void {
    this.#last = { samples, total, batches, setAside, retries };
    const now = performance.now();
    if (now - this.#written < LINE_MS) return;
    this.#written = now;
    this.#write('progress', this.#figures());
  }

  /** The last line. */
  end(failure: unknown = null): void {
    if (failure === null) this.#write('done', this.#figures());
    else this.#write('failed', { ...this.#figures(), code: failure instanceof QuantpipeError ? failure.code : 'bug' });
    closeSync(this.#file);
  }

  get #seconds(): number {
    return Number(((performance.now() - this.#start) / 1000).toFixed(3));
  }

  #figures() {
    const { samples, total } = this.#last;
    const rate = samples / Math.max(this.#seconds, 1e-3);
    return { ...this.#last, samplesPerSecond: Number(rate.toFixed(2)), secondsLeft: total === null || samples === 0 ? null : Number(((total - samples) / rate).toFixed(1)), memoryBytes: process.memoryUsage.rss() };
  }

  #write(event: string, rest: object): void {
    writeSync(this.#file, `${JSON.stringify({ event, seconds: this.#seconds, ...rest })}\n`);
  }
}
