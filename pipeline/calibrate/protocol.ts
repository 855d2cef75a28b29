import { QuantpipeError, type ErrorCode } from '../base/errors.ts';
import type { SearchOptions, SchemeName } from '../analyzers/index.ts';
import type { Binding } from '../data/index.ts';
import type { EngineName, SessionInput } from '../engine/index.ts';
import type { TensorStatistics } from '../observers/statistics.ts';
import type { Encoding } from '../quant/encoding.ts';
import type { Split } from '../quant/granularity.ts';
import type { Grid } from '../quant/grid.ts';
import type { PackedStatistics } from './packed-statistics.ts';

// Everything that crosses the thread boundary, and nothing else. Plain data only.

/** What every worker is told once, when it starts. A pool that only encodes has no model. */
export interface WorkerSetup {
  readonly observing: ObservingSetup | null;
}

export interface ObservingSetup {
  /** The tapped model. Shared: its buffer is a SharedArrayBuffer, so no worker holds a copy. */
  readonly model: Uint8Array;
  /** Where the weights lie that the model points to; null where it holds them itself. */
  readonly folder: string | null;
  readonly taps: readonly string[];
  readonly engine: EngineName;
  readonly inputs: readonly SessionInput[];
  readonly bindings: readonly Binding[];
}

/** What a worker may hold while it runs the model, so that all workers together stay below the budget. */
export interface RunLimits {
  /** For computing and for taps, both copies of them. */
  readonly bytes: number;
  /** Bytes of computing for each element of the inputs. */
  readonly running: number;
  /** Input elements in one run at most, unless a single sample has more. */
  readonly elements: number;
  /** Sessions that may be loaded at once, one for each group of taps. */
  readonly sessions: number;
  /** Whether no other worker runs meanwhile, and this one in a process of its own: `bytes` are for all of that, and computing is measured, not estimated. */
  readonly isAlone?: boolean;
  /** What has been measured. */
  readonly known: TapSizes;
}

/** Elements of each tap, in the order of the taps, of a run whose inputs have so many elements. */
export interface TapSizes {
  readonly elements: number;
  /** Of them, those of one sample: more samples in a run have as many taps each, larger ones may have far more. */
  readonly sample: number;
  readonly taps: readonly number[];
}

/** Observe one block of samples. */
export interface ObserveTask {
  readonly kind: 'observe';
  /** Position in the stream; the reducer merges in this order. */
  readonly index: number;
  /** Arrow IPC bytes of one record batch. Moved, not copied. */
  readonly bytes: ArrayBuffer;
  /** null where memory could not be measured. */
  readonly limits: RunLimits | null;
}

/** Find out what a run of the model takes, on the first samples of a block. */
export interface MeasureTask {
  readonly kind: 'measure';
  /** As of {@link ObserveTask}. */
  readonly bytes: ArrayBuffer;
}

export interface Measured {
  readonly samples: number;
  readonly sizes: TapSizes;
  /** Memory of the process, in bytes: when the model was loaded, and the most while it ran. */
  readonly loadedBytes: number;
  readonly peakBytes: number;
}

/** What a run in a process of its own has shown. */
export interface Learnt extends Pick<RunLimits, 'running' | 'known'> {
  /** Memory of that process, in bytes: when the model was loaded, and the most. */
  readonly loadedBytes: number;
  readonly peakBytes: number;
}

/** What was seen of every tap in one block. Its memory is moved. */
export interface Observed {
  readonly samples: number;
  /** What later runs may be planned with; null where nothing was measured. */
  readonly learnt: Learnt | null;
  /** In the order of `taps`. */
  readonly tensors: PackedStatistics;
}

/** Find the encodings of one group of tensors: one, or one per channel. */
export interface EncodeTask {
  readonly kind: 'encode';
  /** The group's name: its first tensor. */
  readonly tensor: string;
  /** Copied: the statistics stay with the reducer. Values are moved. */
  readonly source: { readonly kind: 'statistics'; readonly statistics: TensorStatistics } | { readonly kind: 'values'; readonly values: Float32Array; readonly split: Split };
  readonly grid: Grid;
  readonly scheme: SchemeName;
  readonly options: SearchOptions;
}

export interface Encoded {
  readonly tensor: string;
  readonly encodings: readonly Encoding[];
}

export type Task = ObserveTask | MeasureTask | EncodeTask;

/** What a worker has for a task, and the buffers in it that are moved. */
export interface Answer<T> {
  readonly value: T;
  readonly moved: readonly ArrayBuffer[];
}

/**
 * `stage` tells whether the worker could not start, so that no task will fare better, whether this one task failed, whether it may need more room than its limits
 * leave beside others (or not run with them at all), or whether its thread ended before its turn.
 */
export type Reply<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly stage: 'start' | 'task' | 'room' | 'waiting'; readonly error: SentError };

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

/** The value of a reply; throws what the worker threw, with the worker's stack as its cause. */
export function receive<T>(reply: Reply<T>): T {
  if (reply.ok) return reply.value;
  throw receivedError(reply.error);
}

/** The error that a worker sent. */
export function receivedError({ code, message, context, stack }: SentError): Error {
  const cause = Object.assign(new Error('in a worker thread'), { stack });
  return code === 'bug' ? new Error(message, { cause }) : new QuantpipeError(code, message, context, { cause });
}
