import { suite as uvuSuite, type Callback, type Test } from 'uvu';

import { tally } from './tally.ts';

/** What declares a test inside a suite. */
export interface Declare extends Pick<Test, 'before' | 'after'> {
  (title: string, body: Callback<Record<string, unknown>>): void;
  /** Leave a test out because of `reason`, which the closing lines print. */
  skip(title: string, reason: string): void;
}

/** Declare a suite and run it. uvu alone passes silently when `.run()` is forgotten. */
export function suite(name: string, declare: (test: Declare) => void): void {
  const inner = uvuSuite(name);
  const counted = (title: string, body: Callback<Record<string, unknown>>) => {
    tally.declared++;
    inner(title, async context => {
      await body(context as never);
      tally.passed++;
    });
  };
  const skip = (title: string, reason: string) => {
    tally.skipped.push(`${name} "${title}": ${reason}`);
    inner.skip();
  };
  declare(Object.assign(counted, { before: inner.before, after: inner.after, skip }));
  inner.run();
}
