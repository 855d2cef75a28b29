/** Kept apart from suite.ts: uvu must not be imported before test/run.ts has started it. */
export const tally = { declared: 0, passed: 0, skipped: [] as string[] };
