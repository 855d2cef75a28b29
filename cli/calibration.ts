import { QuantpipeError } from '../pipeline/base/errors.ts';
import type { BindOptions, CalibrateOptions, MemoryPlan, QuantSim, QuantSimOptions, Source } from '../pipeline/index.ts';
import type { DataOptions, EngineOptions, FaultOptions, MemoryOptions, PlacementOptions, ReportOptions, SchemeOptions } from './options.ts';
import { Metrics } from './metrics.ts';
import { ProgressLine } from './progress.ts';
import { size } from './table.ts';

/** What calibrating took, for the summary. */
export interface RunFigures {
  readonly samples: number;
  readonly batches: number;
  readonly seconds: number;
}

/** Command line options in the words of the pipeline. */
export function simOptions(options: PlacementOptions & Partial<SchemeOptions>): QuantSimOptions {
  const config = options.config ?? (options.perTensor ? 'default' : 'per-channel');
  return {
    config,
    foldBatchNorm: options.foldBatchNorm,
    ...pick(options, 'scheme', 'weightScheme', 'gamma', 'percentile', 'loadEncodings', 'freeze'),
    ...(typeof options.weightBits === 'number' && { weightBitwidth: options.weightBits }),
    ...(typeof options.weightBits === 'string' && { weightFormat: options.weightBits }),
    ...(typeof options.activationBits === 'number' && { activationBitwidth: options.activationBits }),
    ...(typeof options.activationBits === 'string' && { activationFormat: options.activationBits }),
    ...(options.reduceRange && { reduceRange: true }),
    ...blockOptions(options),
    ...(options.quantizeBias === 'false' && { quantizeBias: false }),
  };
}

function blockOptions({ blockSize, blockSkip, lpbq }: PlacementOptions): Pick<QuantSimOptions, 'blocks'> {
  if (blockSize !== undefined) return { blocks: { blockSize, decompressedBitwidth: lpbq ?? null, undivided: blockSkip ? 'skip' : 'refuse' } };
  if (lpbq !== undefined || blockSkip) throw new QuantpipeError('config-invalid', `${lpbq === undefined ? '--block-skip' : '--lpbq'} speaks of blocks, and --block-size is not given`);
  return {};
}

/** Which column feeds which input, and how raw values are read. */
export function bindOptions(options: DataOptions): BindOptions {
  const preprocess = pick(options, 'scale', 'mean', 'std', 'layout');
  return { ...(options.input && { inputs: options.input }), ...(Object.keys(preprocess).length > 0 && { preprocess }) };
}

/** Where a command keeps its state, and what it does about batches that cannot be observed. */
export function faultSettings(options: FaultOptions, checkpoint: string | null): Pick<CalibrateOptions, 'checkpoint' | 'batchTimeout' | 'maxBad'> {
  const { resume, checkpointEvery: everySeconds, strict } = options;
  if (checkpoint === null && resume) throw new QuantpipeError('config-invalid', 'there is no checkpoint to resume where the statistics go to standard output');
  return {
    ...(checkpoint !== null && { checkpoint: { path: checkpoint, resume: resume === true, ...(everySeconds !== undefined && { everySeconds }) } }),
    ...pick(options, 'batchTimeout', 'maxBad'),
    ...(strict && { maxBad: 0 }),
  };
}

/** Calibrate (or only observe) with a progress line on standard error. */
export async function calibrateWithProgress(
  sim: QuantSim, source: Source, options: DataOptions & EngineOptions & MemoryOptions & FaultOptions & ReportOptions, checkpoint: string | null, signal: AbortSignal,
  what: 'calibrate' | 'observe' = 'calibrate',
): Promise<RunFigures> {
  const line = new ProgressLine(what === 'calibrate' ? 'calibrating' : 'observing', { quiet: options.quiet === true });
  const metrics = options.metrics === undefined ? null : Metrics.open(options.metrics);
  const onPlan = (plan: MemoryPlan) => {
    line.say(planned(plan));
    metrics?.plan(plan);
  };
  let figures = { samples: 0, batches: 0 };
  try {
    const settings = { signal, onPlan, ...bindOptions(options), ...faultSettings(options, checkpoint), ...pick(options, 'engine', 'workers', 'batchSize', 'memory', 'limit', 'shard') };
    for await (const progress of sim[what](source, settings)) {
      figures = progress;
      line.update(progress);
      metrics?.progress(progress);
    }
    metrics?.end();
  } catch (error) {
    metrics?.end(error);
    throw error;
  } finally {
    line.clear();
  }
  return { samples: figures.samples, batches: figures.batches, seconds: line.seconds };
}

/** How the work fits into the memory, for people. */
function planned({ workers, samplesPerRun, groups, estimateBytes, budgetBytes }: MemoryPlan): string {
  const parts = [count(workers, 'worker'), `${count(samplesPerRun, 'sample')} in a run`, groups === 1 ? 'all tensors at once' : `tensors in ${groups} groups`];
  return `${parts.join(', ')}: about ${size(estimateBytes)} of the ${size(budgetBytes)} that may be used`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** The named properties that are there: an option that was not given must not become `undefined`. */
export function pick<T extends object, K extends keyof T>(from: T, ...keys: K[]): { [P in K]?: Exclude<T[P], undefined> } {
  return Object.fromEntries(keys.filter(key => from[key] !== undefined).map(key => [key, from[key]])) as { [P in K]?: Exclude<T[P], undefined> };
}
