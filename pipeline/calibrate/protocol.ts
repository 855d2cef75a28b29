import { QuantpipeError, type ErrorCode } from '../base/errors.ts';

/** Everything that crosses the thread boundary, and nothing else. Plain data only. */
export interface BatchTask {
  /** Position in the stream; the reducer merges in this order. */
  readonly index: number;
  /** Arrow IPC bytes of one record batch; moved, not copied. */
  readonly batch: ArrayBuffer;
}

export type Reply<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: SentError };

/** Structured clone drops an error's class and fields, so errors are sent as data. */
export interface SentError {
  readonly code: ErrorCode | 'bug';
  readonly message: string;
  readonly context: Readonly<Record<string, string | number>>;
  readonly stack: string;
}

export function sendError(error: unknown): SentError {
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof QuantpipeError) return { code: error.code, message, context: error.context, stack };
  return { code: 'bug', message, context: {}, stack };
}

export function receive<T>(reply: Reply<T>): T {
  if (reply.ok) return reply.value;
  const { code, message, context, stack } = reply.error;
  const cause = Object.assign(new Error('in a worker thread'), { stack });
  throw code === 'bug' ? new Error(message, { cause }) : new QuantpipeError(code, message, context, { cause });
}
