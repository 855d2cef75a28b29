import { printable } from './exit.ts';
import { duration, size } from './table.ts';

/** What the line shows; `total` is null where the data set does not tell its length. */
export interface Seen {
  readonly samples: number;
  readonly total: number | null;
  /** Those of them that were there when the line was made: they took none of its time. */
  readonly resumed?: number;
  /** Batches that could not be observed so far. */
  readonly setAside?: number;
  /** Attempts beyond the first. */
  readonly retries?: number;
  /** Memory of another process that works for this one. */
  readonly apartBytes?: number;
}

const REDRAW_MS = 100;
/** Where nobody looks at a live line (a log file, CI), a plain line now and then is enough. */
const PLAIN_LINE_MS = 5_000;
const CLEAR_LINE = '\r\u001b[2K';

/** One live line on a terminal, a plain line every few seconds elsewhere, nothing when quiet. */
export class ProgressLine {
  readonly #out: NodeJS.WriteStream;
  readonly #quiet: boolean;
  readonly #label: string;
  readonly #start = performance.now();
  readonly #unit: string;
  #drawn = -Infinity;
  #shown = false;

  constructor(label: string, { quiet = false, unit = 'samples', out = process.stderr as NodeJS.WriteStream } = {}) {
    this.#label = label;
    this.#quiet = quiet;
    this.#unit = unit;
    this.#out = out;
  }

  /** Seconds since the line was made. */
  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** One line that stays. */
  say(text: string): void {
    if (this.#quiet) return;
    this.clear();
    this.#out.write(`${text}\n`);
  }

  /** One line that stays, also where nothing else is said. */
  warn(text: string): void {
    this.clear();
    this.#out.write(`warning: ${printable(text)}\n`);
  }

  update(seen: Seen): void {
    const now = performance.now();
    if (this.#quiet || now - this.#drawn < (this.#out.isTTY ? REDRAW_MS : PLAIN_LINE_MS)) return;
    this.#drawn = now;
    const line = this.#line(seen);
    if (!this.#out.isTTY) this.#out.write(`${line}\n`);
    else this.#out.write(CLEAR_LINE + line.slice(0, (this.#out.columns ?? 80) - 1));
    this.#shown = true;
  }

  /** Take the live line away, so that what follows starts in a clean column. */
  clear(): void {
    if (this.#shown && this.#out.isTTY) this.#out.write(CLEAR_LINE);
    this.#shown = false;
  }

  #line({ samples, total, resumed = 0, setAside = 0, retries = 0, apartBytes = 0 }: Seen): string {
    const rate = (samples - resumed) / this.seconds;
    const counted = total === null ? `${samples} ${this.#unit}` : `${samples}/${total} ${this.#unit}`;
    const left = total === null || samples === resumed ? '' : ` · ${duration((total - samples) / rate)} left`;
    return `${this.#label} ${counted} · ${rate.toFixed(rate < 10 ? 1 : 0)}/s${left} · ${size(process.memoryUsage.rss() + apartBytes)}${retries > 0 ? ` · ${retries} ${retries === 1 ? 'retry' : 'retries'}` : ''}${setAside > 0 ? ` · ${setAside} ${setAside === 1 ? 'batch' : 'batches'} set aside` : ''}`;
  }
}
