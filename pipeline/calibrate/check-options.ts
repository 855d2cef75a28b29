import { QuantpipeError } from '../base/errors.ts';
import type { CalibrateOptions } from './calibrate.ts';

const ENGINES: readonly unknown[] = ['auto', 'web', 'native'];
const MAX_WORKERS = 1024;

const isCount = (value: unknown, least: number): boolean => Number.isSafeInteger(value) && (value as number) >= least;

type CheckedOptions = Pick<CalibrateOptions, 'engine' | 'workers' | 'batchSize' | 'limit' | 'memory' | 'maxBad' | 'batchTimeout' | 'shard'>;

/** Options that a number or a name makes sense for, and which. */
const allowed: readonly (readonly [option: keyof CheckedOptions, isAllowed: (value: unknown) => boolean, what: string])[] = [
  ['engine', value => ENGINES.includes(value), `one of ${ENGINES.join(', ')}`],
  ['workers', value => isCount(value, 1) && (value as number) <= MAX_WORKERS, `a whole number from 1 to ${MAX_WORKERS}`],
  ['batchSize', value => isCount(value, 1), 'a whole number of at least 1'],
  ['limit', value => isCount(value, 1), 'a whole number of at least 1'],
  ['memory', value => typeof value === 'number' && value > 0, 'a number of bytes above 0'],
  ['maxBad', value => value === Infinity || isCount(value, 0), 'a whole number of at least 0'],
  ['batchTimeout', value => typeof value === 'number' && value > 0, 'a number of seconds above 0'],
];

/** @throws `config-invalid` where an option is none that can be meant, naming it, its value and what is allowed */
export function checkCalibrateOptions(options: CheckedOptions): void {
  for (const [option, isAllowed, what] of allowed) {
    const value = options[option];
    if (value !== undefined && !isAllowed(value)) throw new QuantpipeError('config-invalid', `${option} must be ${what}, got ${shown(value)}`);
  }
  const { shard } = options;
  if (shard === undefined || (isCount(shard.count, 1) && isCount(shard.index, 0) && shard.index < shard.count)) return;
  throw new QuantpipeError('config-invalid', `shard must be { index, count }, whole numbers with 0 <= index < count, got { index: ${shown(shard.index)}, count: ${shown(shard.count)} }`);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
