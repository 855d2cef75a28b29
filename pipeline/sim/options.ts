import type { SchemeName } from '../analyzers/index.ts';
import type { CalibrateOptions, Progress } from '../calibrate/calibrate.ts';
import type { PlacementOptions } from '../config/place-quantizers.ts';
import type { Given, Source } from '../data/index.ts';
import type { EncodingsVersion, QdqOptions } from '../export/index.ts';
import type { Model } from '../graph/graph.ts';
import type { EvaluateOptions } from './evaluate.ts';

export interface QuantSimOptions extends Pick<PlacementOptions, 'weightFormat' | 'blocks' | 'quantizeBias'> {
  /** Activations in a 16-bit floating-point format instead of integers; or 'float32': none is quantized, only weights are, and no data is needed. */
  readonly activationFormat?: NonNullable<PlacementOptions['activationFormat']> | 'float32';
  /** A preset's name, the path of a six-section JSON file, or such an object. Default 'per-channel'. */
  readonly config?: string | object;
  /** What is said of single tensors, on top of the configuration: the path of a JSON file, or such an object (see config/override.ts). */
  readonly override?: string | object;
  /** Put quantizers where AIMET puts them, also where runtimes have none. Default false. */
  readonly aimetPlacement?: boolean;
  /** How activation ranges are chosen. Default 'tf-enhanced'. */
  readonly scheme?: SchemeName;
  /** How weight ranges are chosen. Default: as `scheme`. */
  readonly weightScheme?: SchemeName;
  /** tf-enhanced: cost of a clipped value against a rounded one. Default 3. */
  readonly gamma?: number;
  /** percentile: share of the values to cover, above 50 to 100. Default 99.99. */
  readonly percentile?: number;
  /** 2 to 32. Default: that of the first kernel that the configuration lists, else 8. */
  readonly weightBitwidth?: number;
  /** 4 to 32. Default likewise. */
  readonly activationBitwidth?: number;
  /** 7 bits instead of 8 for weights, so that the products of int8 weights fit the 16-bit sums of x64 without VNNI. Default false. */
  readonly reduceRange?: boolean;
  /** Fold BatchNormalization into the layers before it. Default true. */
  readonly foldBatchNorm?: boolean;
  /** Path of an encodings file: its tensors get the bit-widths, symmetry, granularity and formats that it says. Calibrating finds their ranges anew, unless `freeze`. */
  readonly loadEncodings?: string;
  /** Keep the encodings of the file of `loadEncodings` as they are: only the rest is calibrated and searched. Default false. */
  readonly freeze?: boolean;
}

/** What calibrate and evaluate read: a path or address, an open source, or what a program hands over as it comes. */
export type Samples = string | Source | AsyncIterable<Given> | Iterable<Given>;

export interface SimEvaluateOptions extends Pick<EvaluateOptions, 'label' | 'metric' | 'ignoreClasses'>, Omit<CalibrateOptions, 'workers' | 'shard' | 'label'> {
  /** Another model to compare instead of the one that export would write. */
  readonly against?: Model;
  /** Told of every run of the forms. */
  readonly onProgress?: (progress: Pick<Progress, 'samples' | 'total'>) => void;
}

/** What {@link QuantSim.trace} reads; `limit` is 4 samples by default. */
export interface TraceSourceOptions extends Omit<CalibrateOptions, 'workers' | 'shard' | 'label'>, Pick<SimEvaluateOptions, 'against'> {}

export interface ExportOptions extends QdqOptions {
  readonly encodingsVersion?: EncodingsVersion;
}
