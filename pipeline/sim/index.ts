// The part of the public API that a command begins with: a model is read and its quantizers placed. It loads in a third of the time of
// the whole; the steps of QuantSim import what they need besides.
export { lockCheckpoint, removeCheckpoint, samplesKept } from '../calibrate/checkpoint-files.ts';
export { describePlacement } from '../config/describe-placement.ts';
export type { ExportOptions, QuantSimOptions, Samples, SimEvaluateOptions, TraceSourceOptions } from './options.ts';
export { exportPaths, prepareFolder } from './outputs.ts';
export { QuantSim } from './quant-sim.ts';
export { readStatisticsFile } from './statistics-files.ts';
