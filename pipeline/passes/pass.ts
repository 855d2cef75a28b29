import { check } from '../base/check.ts';
import type { Model } from '../graph/graph.ts';

/** What a pass did. A rewrite is one match that was edited, so 0 means that the model is as it was. */
export interface PassResult {
  readonly rewrites: number;
}

/** Edits a model in place. Its docstring lists the rules; a pass that runs a second time rewrites nothing. */
export type Pass = (model: Model) => PassResult;

/** Far above what any model needs; a pass that goes on longer undoes its own work. */
const MAX_ROUNDS = 1_000;

/** One pass after the other. */
export function sequence(...passes: readonly Pass[]): Pass {
  return function sequence(model) {
    return { rewrites: passes.reduce((sum, pass) => sum + pass(model).rewrites, 0) };
  };
}

/** Run `pass` again until it finds nothing more: one rewrite may make room for the next. */
export function untilStable(pass: Pass): Pass {
  return function untilStable(model) {
    let total = 0;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const { rewrites } = pass(model);
      if (rewrites === 0) return { rewrites: total };
      total += rewrites;
    }
    check(false, `a pass still rewrites after ${MAX_ROUNDS} rounds`);
  };
}
