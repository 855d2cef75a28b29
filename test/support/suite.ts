import { suite as uvuSuite, type Callback, type Test } from 'uvu';

import { tally } from './tally.ts';

/** Declare a suite and run it. uvu alone passes silently when `.run()` is forgotten. */
export function suite(name: string, declare: (test: Test) => void): void {
  const inner = uvuSuite(name);
  const counted = (title: string, body: Callback<Record<string, unknown>>) => {
    tally.declared++;
    inner(title, async context => {
      await body(context as never);
      tally.passed++;
    });
  };
  declare(Object.assign(counted, inner) as unknown as Test);
  inner.run();
}
