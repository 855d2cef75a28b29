import { QuantpipeError } from '../pipeline/base/errors.ts';

/** The exit code after an interruption. */
export const INTERRUPTED = 130;

/** 0 done · 1 the input is at fault (one message, no stack) · 70 a bug in quantpipe (with its stack) · 130 interrupted. */
export function exitCode(error: unknown, log: (line: string) => void): number {
  if (!(error instanceof QuantpipeError)) {
    log('quantpipe: this is a bug in quantpipe, not in your input; please report it with the lines below');
    for (const line of (error instanceof Error ? error.stack ?? error.message : String(error)).split('\n')) log(printable(line));
    return 70;
  }
  log(`quantpipe: ${printable(error.message)} [${error.code}]`);
  for (const [key, value] of Object.entries(error.context)) log(`  ${key}: ${printable(String(value))}`);
  return error.code === 'interrupted' ? INTERRUPTED : 1;
}

/** Names come from files: control characters would let them steer the terminal, and line breaks write lines of their own. Several lines are several calls. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
