import type { TensorStatistics } from '../kernels/statistics.ts';

export type { TensorStatistics };

/** Statistics of all observed tensors of a model. */
export interface Statistics {
  /** SHA-256 of what was observed (the prepared model's bytes), hex. Statistics of different models do not merge. */
  readonly model: string;
  /** Samples that were counted. */
  readonly samples: number;
  readonly tensors: ReadonlyMap<string, TensorStatistics>;
}
