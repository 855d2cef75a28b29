import type { TensorStatistics } from '../kernels/index.ts';

export type { TensorStatistics };

/**
 * Which shards of a data set were observed: blocks k of `blockSize` samples with k mod `count` in `parts`. All of them together are the
 * whole, and then there is nothing to say.
 */
export interface Shards {
  readonly count: number;
  readonly blockSize: number;
  /** Samples of the whole, where the data told; shards of data sets of different sizes do not go together. */
  readonly total: number | null;
  /** How samples were chosen and read, as a short hash, and by which engine the model ran; shards that differ in it do not go together. Absent where nobody wrote it down. */
  readonly reading?: string;
  /** Ascending, fewer than `count`. */
  readonly parts: readonly number[];
}

/** Statistics of all observed tensors of a model. */
export interface Statistics {
  /** SHA-256 of what was observed (the prepared model's bytes), hex. Statistics of different models do not merge. */
  readonly model: string;
  /** Samples that were counted. */
  readonly samples: number;
  /** null: of whole data sets. */
  readonly shards: Shards | null;
  /** What became of stored values before the model read them, as a short hash, and which engine ran it; statistics that differ in it do not merge. Absent where nobody wrote it down. */
  readonly preparation?: string;
  readonly tensors: ReadonlyMap<string, TensorStatistics>;
}
