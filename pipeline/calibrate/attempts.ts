import { QuantpipeError } from '../base/errors.ts';
import type { Block } from '../data/index.ts';
import type { Pool } from './pool.ts';
import { type Observed, receivedError, type Reply, type RunLimits } from './protocol.ts';

/** A block that could not be observed, and why. Plain data: a checkpoint keeps it. */
export interface SetAside {
  readonly index: number;
  /** The one sample of the block that was left out; the whole block where there is none. */
  readonly sample?: number;
  readonly code: string;
  /** What went wrong, with the samples it happened to. */
  readonly message: string;
}

/** What came of a block. */
export type Outcome = { readonly index: number; readonly bad: Block['bad'] } & (
  | { readonly kind: 'empty' }
  | { readonly kind: 'observed'; readonly observed: Observed }
  | { readonly kind: 'set-aside'; readonly error: QuantpipeError }
);

/** A block that may need more memory than there is beside others. */
export type NoRoomBeside = { readonly kind: 'no-room' };

/** Threads that may die at other blocks while a block waits for its turn; as many in a row do not even start. */
const MOST_WAITS = 100;

export interface AttemptOptions {
  /** How long one attempt may take, in milliseconds; Infinity for as long as it takes. */
  readonly timeoutMs: number;
  /** Threads that a block may take down before it is set aside. */
  readonly attempts: number;
  readonly limits: RunLimits | null;
  /** Told of every further attempt. */
  readonly onRetry?: () => void;
}

/**
 * Observe a block. Where its thread dies or hangs, another tries again: the task is pure, so nothing is lost and nothing counts twice.
 * A block that takes down every thread, that the engine refuses, or whose data do not fit the model, is set aside.
 *
 * @throws where no block could fare better: a thread that cannot start, samples that need more memory than there is in all, or a bug
 */
export async function observeBlock(pool: Pick<Pool, 'observe'>, { index, rows, bytes, bad }: Block, { timeoutMs, attempts, limits, onRetry }: AttemptOptions): Promise<Outcome | NoRoomBeside> {
  if (rows === 0) return { index, bad, kind: 'empty' };
  let lost = 0, waits = 0;
  for (;;) {
    try {
      const reply = await pool.observe({ kind: 'observe', index, bytes: bytes.slice(0), limits }, timeoutMs); // what is moved to a thread dies with it
      if (reply.ok) return { index, bad, kind: 'observed', observed: reply.value };
      if (reply.stage === 'room' && limits?.isAlone !== true) return { kind: 'no-room' };
      if (reply.stage !== 'waiting' || ++waits === MOST_WAITS) return { index, bad, kind: 'set-aside', error: ofThisBlock(reply) };
    } catch (error) {
      if (!isLost(error)) throw error;
      if (++lost === attempts) return { index, bad, kind: 'set-aside', error: new QuantpipeError(error.code, `${error.message} (${attempts} times)`, error.context, { cause: error }) };
    }
    onRetry?.();
  }
}

/** The error of a reply; thrown where it is not the block's own. */
function ofThisBlock({ stage, error: sent }: Extract<Reply<unknown>, { ok: false }>): QuantpipeError {
  const error = receivedError(sent);
  if (stage === 'task' && error instanceof QuantpipeError && (error.code === 'data-invalid' || error.code === 'engine-failed')) return error;
  throw error;
}

function isLost(error: unknown): error is QuantpipeError {
  return error instanceof QuantpipeError && error.code === 'worker-lost';
}
