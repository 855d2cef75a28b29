import type { RecordBatch, Schema } from 'apache-arrow';

import type { DType } from '../base/tensor.ts';

/** Calibration or evaluation data: record batches, a row per sample, read only when they are asked for. */
export interface Source {
  /** How messages call it: the path, or 'standard input'. */
  readonly name: string;
  /** Number of samples, where the format tells without reading everything; else null. */
  readonly rows: number | null;
  /** Files and addresses that the samples lie in; absent where they come once, as a stream, or from a program. */
  readonly files?: readonly string[];
  /** Which samples of the data these are; absent for all. */
  readonly selection?: string;
  /** What a sample holds: the columns that quantpipe can read, in the order of the file. */
  readonly columns: readonly Column[];
  /** Columns of types that feed no model; absent where there are none. */
  readonly others?: readonly OtherColumn[];
  /** What the user should know of how the data were found: a sentence each; absent where there is nothing. */
  readonly notices?: readonly string[];
  /** The batches as they are stored, from the start, where every sample can be read. May be called once only where the source is a stream. */
  batches(): AsyncIterable<RecordBatch>;
  /** The same; a sample that cannot be read is told of in its place, and rows that `isWanted` refuses may be passed over unread: their number comes instead. Columns not named may be left out. */
  batches(isWanted: IsWanted, columns?: readonly string[]): AsyncIterable<RecordBatch | BadSample | number>;
}

/** A column that is not read, and its type as messages show it: Date32<DAY>. */
export interface OtherColumn {
  readonly name: string;
  readonly type: string;
}

/** A sample that cannot be read, and why. It keeps its place, so that all others keep theirs. */
export interface BadSample {
  readonly bad: string;
}

/** A source as a file stores it: its encoded images are in no column yet. */
export interface StoredSource extends Source {
  /** Of all batches. */
  readonly schema: Schema;
}

/** Whether any of the samples `begin` to `end` (exclusive) is needed. */
export type IsWanted = (begin: number, end: number) => boolean;

/** One column of a source. Plain data. */
export interface Column {
  readonly name: string;
  /** Element type; 'string' for text. */
  readonly dtype: DType;
  /** Shape of one sample; [] for a scalar, null where a dimension may differ from sample to sample. */
  readonly shape: readonly (number | null)[];
  /** A plain list, whose true shape the model may tell: 784 values for [1, 28, 28]. */
  readonly isFlat: boolean;
  /** Decoded images: they lie as the model reads them, whatever layout the data's own columns have. */
  readonly isImage?: boolean;
  /** How the file itself says that its values must be read (field metadata `quantpipe.preprocess`); null where it does not. */
  readonly preprocess: Preprocess | null;
}

/** Samples k·B … k·B+B-1 of a source as one Arrow IPC stream: the unit of work, whoever reads it. */
export interface Block {
  readonly index: number;
  readonly rows: number;
  /** Arrow IPC stream with one record batch; empty where there are no rows. Moved to a worker, not copied. */
  readonly bytes: ArrayBuffer;
  /** The samples that should be in it and cannot be read, by their position in the source. */
  readonly bad: readonly { readonly sample: number; readonly reason: string }[];
}

/** How raw column values become what the model reads: `(raw × scale − mean[channel]) / std[channel]`, then the layout. */
export interface Preprocess {
  readonly scale: number;
  /** One value for all channels, or one for each. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** How the column lies in memory: 'nchw' as the model reads it, or 'nhwc' to be transposed. */
  readonly layout: 'nchw' | 'nhwc';
}

/** Which column feeds a model input, and how. Plain data: it crosses threads. */
export interface Binding {
  readonly input: string;
  readonly column: string;
  /** null: values are used as they are (converted to the input's element type). */
  readonly preprocess: Preprocess | null;
  /** Why this column: it was asked for, it has the input's name, or both were the only ones. */
  readonly because: 'option' | 'name' | 'only';
  /** Samples of different shapes are filled up with this value and run together; without it, one by one. */
  readonly pad?: number;
  /** Not the column's values, but 1 wherever it has one and 0 where it is padded. */
  readonly isMask?: true;
}
