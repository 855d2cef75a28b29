import type { DType, Tensor } from '../base/tensor.ts';

export type EngineName = 'web' | 'native';

/** What a session reads: name, element type, and shape as the model declares it (a number, or a symbol or null where free). */
export interface SessionInput {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly (number | string | null)[];
}

export interface SessionOptions {
  /** false keeps QuantizeLinear / DequantizeLinear as they stand, so that simulation means "quantize, then dequantize". Default true. */
  readonly fuseQuantized?: boolean;
  /** The engine's graph optimization. Default 'all'. */
  readonly optimize?: 'disabled' | 'basic' | 'extended' | 'all';
}

export type Feeds = Readonly<Record<string, Tensor>>;

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
  load(model: Uint8Array, options?: SessionOptions): Promise<Session>;
}
