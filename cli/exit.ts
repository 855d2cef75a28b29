import { QuantpipeError } from '../pipeline/base/errors.ts';

/** 0 done · 1 the input is at fault (one line, no stack) · 70 a bug in quantpipe (with its stack). */
export function exitCode(error: unknown, log: (line: string) => void): number {
  if (!(error instanceof QuantpipeError)) {
    log(error instanceof Error ? error.stack ?? error.message : String(error));
    return 70;
  }
  log(`quantpipe: ${error.message} [${error.code}]`);
  for (const [key, value] of Object.entries(error.context)) log(`  ${key}: ${value}`);
  return 1;
}
