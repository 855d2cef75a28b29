/** What came of a check: nothing to say, why it failed, or whose limit kept it from being made. */
export type Outcome = { readonly kind: 'passed' } | { readonly kind: 'failed'; readonly why: string } | { readonly kind: 'skipped'; readonly reason: string };

export const passed: Outcome = { kind: 'passed' };
export const failed = (why: string): Outcome => ({ kind: 'failed', why });
export const skipped = (reason: string): Outcome => ({ kind: 'skipped', reason });

/** Counts outcomes by check, and skips by reason. */
export class Tally {
  readonly #checks = new Map<string, Record<Outcome['kind'], number>>();
  readonly #reasons = new Map<string, number>();
  readonly failures: string[] = [];

  add(check: string, model: string, outcome: Outcome): void {
    const counts = this.#checks.get(check) ?? { passed: 0, failed: 0, skipped: 0 };
    this.#checks.set(check, counts);
    counts[outcome.kind]++;
    if (outcome.kind === 'failed') this.failures.push(`${check} ${model}: ${outcome.why}`);
    if (outcome.kind === 'skipped') this.#reasons.set(outcome.reason, (this.#reasons.get(outcome.reason) ?? 0) + 1);
  }

  count(kind: Outcome['kind']): number {
    return [...this.#checks.values()].reduce((sum, counts) => sum + counts[kind], 0);
  }

  /** A row per check. */
  get table(): Record<string, Record<Outcome['kind'], number>> {
    return Object.fromEntries(this.#checks);
  }

  /** Why checks were skipped, the most frequent reason first. */
  get reasons(): [reason: string, count: number][] {
    return [...this.#reasons].sort((a, b) => b[1] - a[1]);
  }

  get closingLine(): string {
    return `${this.count('passed')} passed, ${this.count('failed')} failed, ${this.count('skipped')} skipped`;
  }

  get isGood(): boolean {
    return this.count('failed') === 0 && this.count('passed') > 0;
  }
}
