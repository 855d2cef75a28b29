import { type AllowedValue, checkValues, isWhole, shownValue } from '../base/allowed-value.ts';
import { QuantpipeError } from '../base/errors.ts';
import type { CalibrateOptions } from './calibrate.ts';

const ENGINES: readonly unknown[] = ['auto', 'web', 'native'];
const MAX_WORKERS = 1024;

type CheckedOptions = Pick<CalibrateOptions, 'engine' | 'workers' | 'batchSize' | 'limit' | 'memory' | 'beside' | 'maxBad' | 'batchTimeout' | 'shard'>;

/** Options that a number or a name makes sense for, and which. */
const allowed: Readonly<Record<Exclude<keyof CheckedOptions, 'shard'>, AllowedValue>> = {
  engine: [value => ENGINES.includes(value), `one of ${ENGINES.join(', ')}`],
  workers: [value => isWhole(value, 1, MAX_WORKERS), `a whole number from 1 to ${MAX_WORKERS}`],
  batchSize: [value => isWhole(value, 1), 'a whole number of at least 1'],
  limit: [value => isWhole(value, 1), 'a whole number of at least 1'],
  memory: [value => typeof value === 'number' && value > 0, 'a number of bytes above 0'],
  beside: [value => isWhole(value, 1), 'a whole number of at least 1'],
  maxBad: [value => value === Infinity || isWhole(value, 0), 'a whole number of at least 0'],
  batchTimeout: [value => typeof value === 'number' && value > 0, 'a number of seconds above 0'],
};

/** @throws `config-invalid` where an option is none that can be meant, naming it, its value and what is allowed */
export function checkCalibrateOptions(options: CheckedOptions): void {
  checkValues(options, allowed);
  const { shard } = options;
  if (shard === undefined || (isWhole(shard.count, 1) && isWhole(shard.index, 0) && shard.index < shard.count)) return;
  throw new QuantpipeError('config-invalid', `a shard is I/N (in code { index: I, count: N }), whole numbers with 0 <= I < N, got ${shownValue(shard.index)}/${shownValue(shard.count)}`);
}
