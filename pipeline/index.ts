// The public API: the whole job as a class, and each of its steps as a plain function.

export { QuantSim, type ExportOptions, type QuantSimOptions, type Samples, type SimEvaluateOptions } from './sim/index.ts';

export { QuantpipeError, type ErrorCode } from './base/errors.ts';
export type { DType, Tensor } from './base/tensor.ts';
export { float32Tensor } from './base/tensor.ts';

export {
  bindInputs, blocks, openSource, readPreprocessFile, readStatistics, sampledSource, writeStatistics, type Binding, type BindOptions, type Block, type Given, type ImageSettings, type OpenOptions, type Preprocess, type Preprocessing, type SampleOptions, type Source,
} from './data/index.ts';

export { readModel, readModelFile } from './onnx/read-model.ts';
export { writeModel, writeModelFile } from './onnx/write-model.ts';
export type { Model } from './graph/graph.ts';
export { prepareModel, type PrepareOptions, type PrepareReport } from './passes/prepare.ts';

export { type ExportWish, exportWishOf, isPreset, loadConfig, presetNames } from './config/presets/index.ts';
export { describePlacement, type PlacementRow } from './config/describe-placement.ts';
export { type Override, parseOverrides } from './config/override.ts';
export { type PlacementOptions, placeQuantizers } from './config/place-quantizers.ts';
export type { BlockOptions } from './config/divisions.ts';
export type { BiasQuantizer, EncodingTable, FloatQuantizer, LeftInFloat, Placement, Quantizer, Rule, Undivided, Unit } from './config/placement.ts';

export type { CheckpointOptions } from './calibrate/checkpoint.ts';
export { lockCheckpoint, removeCheckpoint } from './calibrate/checkpoint-files.ts';
export { observe, type CalibrateOptions, type Observation, type Progress } from './calibrate/calibrate.ts';
export type { MemoryPlan } from './calibrate/memory-plan.ts';
export { type OrderOptions, readWorkOrder, type WorkOrder, writeWorkOrder } from './calibrate/work-order.ts';
export { observeOnSpark, type SparkObservation, type SparkOptions, type SparkProgress } from './cluster/index.ts';
export { encode, type EncodeOptions } from './calibrate/encode.ts';
export { calibrationPlan, modelHash, sessionInputs, type Plan } from './calibrate/plan.ts';
export { emptyStatistics, mergeStatistics, missingShards } from './observers/merge.ts';
export type { Statistics, TensorStatistics } from './observers/statistics.ts';
export { mergeStatisticsFiles, readStatisticsFile } from './sim/statistics-files.ts';

export { findEncoding, schemes, type SchemeName, type SearchOptions } from './analyzers/index.ts';
export type { Encoding } from './quant/encoding.ts';
export { fitEncoding } from './quant/encoding.ts';
export type { Granularity } from './quant/granularity.ts';
export { grid, type Grid, type Symmetry } from './quant/grid.ts';
export { Kernels } from './kernels/index.ts';

export { openEngine, type Engine, type EngineName, type Feeds, type Session } from './engine/index.ts';
export { evaluate, type Evaluation } from './sim/evaluate.ts';
export { metrics, type MetricName } from './sim/metrics.ts';
export { simulate } from './sim/simulate.ts';
export { type QuantizerQuality } from './sim/quality.ts';
export { trace, type Trace, type TracedTensor } from './sim/trace.ts';
export { exportPaths, type Output, prepareFile, prepareFolder, writeOutput } from './sim/outputs.ts';
export { type Inputs, refuseOverwriting } from './sim/overwriting.ts';
export {
  type Applied, applyEncodings, checkEncodingsVersion, encodingsArrow, type EncodingsFile, encodingsJson, encodingsVersions, type EncodingsVersion,
  exportWarnings, type FileEntry, type QdqOptions, qdqModel, readEncodings, type Start, startFromEncodings,
} from './export/index.ts';
