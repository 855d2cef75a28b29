import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';

import { unwritable } from '../pipeline/base/atomic-file.ts';
import { QuantpipeError } from '../pipeline/base/errors.ts';
import type { MemoryPlan, Progress } from '../pipeline/index.ts';

/** Between two lines of progress; the last state is always written. */
const LINE_MS = 1_000;
const NEWLINE = 0x0a;

/**
 * Progress as JSON lines, each written as it happens. The keys are a contract: scripts read them.
 *
 *   event              'plan' once, 'progress' about every second, 'done' or 'failed' at the end
 *   seconds            since the start
 *   samples, total     observed so far, and of how many (null where the data do not tell)
 *   resumed            those of them that an interrupted run had observed: they are in no rate
 *   batches, setAside, retries
 *   samplesPerSecond, secondsLeft (null where it is not known)
 *   memoryBytes        what the process holds now, and with it another that observes for it
 *   plan: budgetBytes, estimateBytes, workers, samplesPerRun, groups        failed: code
 */
export class Metrics {
  readonly #path: string;
  readonly #warn: (text: string) => void;
  /** Null once writing has failed. */
  #file: number | null;
  readonly #start = performance.now();
  #written = -Infinity;
  #apartBytes = 0;
  #last: Pick<Progress, 'samples' | 'resumed' | 'total' | 'batches' | 'setAside' | 'retries'> = { samples: 0, resumed: 0, total: null, batches: 0, setAside: 0, retries: 0 };

  private constructor(path: string, file: number, warn: (text: string) => void) {
    this.#path = path;
    this.#file = file;
    this.#warn = warn;
  }

  /**
   * @param isResumed lines that an interrupted run wrote stay
   * @param warn is told once where the file takes no more (a full disk): the work goes on without it
   * @throws `output-unwritable` where the file cannot be opened
   */
  static open(path: string, warn: (text: string) => void, { isResumed = false } = {}): Metrics {
    if (path === '-') throw new QuantpipeError('config-invalid', "metrics are written to a file, and '-' is none: name one (/dev/stderr, too)");
    try {
      const metrics = new Metrics(path, openSync(path, isResumed ? 'a+' : 'w'), warn);
      if (isResumed) metrics.#endCutLine();
      return metrics;
    } catch (cause) {
      throw unwritable(path, cause);
    }
  }

  /** The last line of a run that a power cut or a full disk ended may lack its end. */
  #endCutLine(): void {
    const { size } = fstatSync(this.#file!), last = Buffer.alloc(1);
    if (size > 0 && readSync(this.#file!, last, 0, 1, size - 1) === 1 && last[0] !== NEWLINE) writeSync(this.#file!, '\n');
  }

  plan(plan: MemoryPlan): void {
    this.#write('plan', { ...plan });
  }

  progress({ samples, resumed, total, batches, setAside, retries, apartBytes }: Progress): void {
    this.#apartBytes = apartBytes;
    this.#last = { samples, resumed, total, batches, setAside, retries };
    const now = performance.now();
    if (now - this.#written < LINE_MS) return;
    this.#written = now;
    this.#write('progress', this.#figures());
  }

  /** The last line. */
  end(failure: unknown = null): void {
    if (failure === null) this.#write('done', this.#figures());
    else this.#write('failed', { ...this.#figures(), code: failure instanceof QuantpipeError ? failure.code : 'bug' });
    if (this.#file !== null) this.#attempt(closeSync, this.#file);
  }

  get #seconds(): number {
    return Number(((performance.now() - this.#start) / 1000).toFixed(3));
  }

  #figures() {
    const { samples, resumed, total } = this.#last;
    const rate = (samples - resumed) / Math.max(this.#seconds, 1e-3);
    return { ...this.#last, samplesPerSecond: Number(rate.toFixed(2)), secondsLeft: total === null || samples === resumed ? null : Number(((total - samples) / rate).toFixed(1)), memoryBytes: process.memoryUsage.rss() + this.#apartBytes };
  }

  #write(event: string, rest: object): void {
    if (this.#file === null) return;
    const line = Buffer.from(`${JSON.stringify({ event, seconds: this.#seconds, ...rest })}\n`);
    this.#attempt(file => {
      for (let at = 0; at < line.length;) at += writeSync(file, line, at);
    }, this.#file);
  }

  /** What is observed is worth more than the lines about it. */
  #attempt(action: (file: number) => void, file: number): void {
    try {
      action(file);
    } catch (error) {
      this.#file = null;
      this.#warn(`the metrics in ${this.#path} end here, and the work goes on without them: ${(error as Error).message}`);
    }
  }
}
