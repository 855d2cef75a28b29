import type { Feeds, SessionInput, Tensor } from '../base/tensor.ts';

export type { Feeds, SessionInput } from '../base/tensor.ts';

export type EngineName = 'web' | 'native';

export interface SessionOptions {
  /** false keeps QuantizeLinear / DequantizeLinear as they stand, so that simulation means "quantize, then dequantize". Default true. */
  readonly fuseQuantized?: boolean;
  /** false gives memory back after every run, where the engine would keep what its largest runs needed, for each session and rounded up. Default true. */
  readonly keepMemory?: boolean;
  /** Folder of the files that the model's weights lie in. Without it, it holds them itself. */
  readonly folder?: string;
  /** The engine's graph optimization. Default 'all'. */
  readonly optimize?: 'disabled' | 'basic' | 'extended' | 'all';
}

/** A loaded model. Not re-entrant: one run at a time. */
export interface Session {
  readonly inputs: readonly SessionInput[];
  readonly outputs: readonly string[];
  /** Run on `feeds`; yields the outputs asked for (all by default). Throws `engine-failed` naming what the engine said. */
  run(feeds: Feeds, outputs?: readonly string[]): Promise<Record<string, Tensor>>;
  close(): Promise<void>;
}

/** An inference engine, one thread. Only its own file knows the library behind it. */
export interface Engine {
  readonly name: EngineName;
  /** Of the library: another may compute other last digits. */
  readonly version: string;
  /** Why this engine and not the one that 'auto' prefers, where its package is installed and does not load; else absent. */
  readonly notice?: string;
  load(model: Uint8Array, options?: SessionOptions): Promise<Session>;
}
