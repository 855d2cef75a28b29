import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';

/** Code and message of the error that `run` is refused with. */
export function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.instance(error, QuantpipeError, String(error));
    return `${(error as QuantpipeError).code} ${(error as Error).message}`;
  }
  return 'nothing was thrown';
}
