import { QuantpipeError } from './errors.ts';

/** What an option may be, and in words. */
export type AllowedValue = readonly [isAllowed: (value: unknown) => boolean, what: string];

export const isWhole = (value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): boolean => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;

/** @throws `config-invalid` where an option is there that is none that can be meant, naming it, its value and what is allowed */
export function checkValues<Option extends string>(options: Readonly<Partial<Record<Option, unknown>>>, allowed: Readonly<Record<Option, AllowedValue>>): void {
  for (const [option, [isAllowed, what]] of Object.entries(allowed) as [Option, AllowedValue][]) {
    const value = options[option];
    if (value !== undefined && !isAllowed(value)) throw new QuantpipeError('config-invalid', `${option} must be ${what}, got ${shownValue(value)}`);
  }
}

export function shownValue(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
