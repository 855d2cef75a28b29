import { existsSync } from 'node:fs';

import { type ErrorCode, QuantpipeError } from '../pipeline/base/errors.ts';
import type { BindOptions, CalibrateOptions, MemoryPlan, OpenOptions, QuantSim, QuantSimOptions } from '../pipeline/index.ts';
import { printable } from './exit.ts';
import { Heap } from './heap.ts';
import type { DataOptions, EngineOptions, FaultOptions, MemoryOptions, PlacementOptions, ReportOptions, SchemeOptions } from './options.ts';
import { Metrics } from './metrics.ts';
import { ProgressLine } from './progress.ts';
import { size } from './table.ts';

/** What calibrating took, for the summary. */
export interface RunFigures {
  readonly samples: number;
  /** Those of them that an interrupted run had observed. */
  readonly resumed: number;
  readonly batches: number;
  readonly seconds: number;
}

/** Command line options in the words of the pipeline. */
export function simOptions(options: PlacementOptions & Partial<SchemeOptions>): QuantSimOptions {
  const config = options.config ?? (options.perTensor ? 'default' : 'per-channel');
  return {
    config,
    foldBatchNorm: options.foldBatchNorm,
    ...pick(options, 'override', 'aimetPlacement', 'scheme', 'weightScheme', 'gamma', 'percentile', 'loadEncodings', 'freeze'),
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

/** Which samples are read, which column feeds which input, and how raw values are read. Options overrule the file that one of them may name. */
export async function readOptions(options: DataOptions): Promise<BindOptions & Pick<OpenOptions, 'sample'>> {
  const file = options.preprocess === undefined ? null : await (await import('../pipeline/index.ts')).readPreprocessFile(options.preprocess);
  const preprocess = { ...file?.preprocess, ...pick(options, 'scale', 'mean', 'std', 'layout') };
  const images = { ...file?.images, ...pick(options, 'resize', 'crop', 'filter', 'channels') };
  if (options.seed !== undefined && options.sample === undefined) throw new QuantpipeError('config-invalid', '--seed goes with --sample');
  return {
    ...(options.input && { inputs: options.input }), ...(options.pad && { pad: options.pad }),
    ...(Object.keys(preprocess).length > 0 && { preprocess }), ...(Object.keys(images).length > 0 && { images }),
    ...(options.sample !== undefined && { sample: { count: options.sample, ...pick(options, 'seed') } }),
  };
}

/** Files beside the model, the settings and the data that a command reads. */
export function filesRead({ preprocess }: DataOptions): { readonly files: string[] } {
  return { files: preprocess === undefined ? [] : [preprocess] };
}

/** Files that a command writes while it goes through the data. */
export function workFiles(checkpoint: string | null, { metrics }: MemoryOptions): string[] {
  return [...(checkpoint === null ? [] : [checkpoint, `${checkpoint}.journal`]), ...(metrics === undefined ? [] : [metrics])];
}

/** Where a command keeps its state, and what it does about batches that cannot be observed. */
function faultSettings(options: FaultOptions, checkpoint: string | null): Pick<CalibrateOptions, 'checkpoint' | 'batchTimeout' | 'maxBad'> {
  const { resume, checkpointEvery: everySeconds, strict } = options;
  if (checkpoint === null && resume) throw new QuantpipeError('config-invalid', 'there is no checkpoint to resume where the statistics go to standard output');
  return {
    ...(checkpoint !== null && { checkpoint: { path: checkpoint, isLocked: true, resume: resume === true, ...(everySeconds !== undefined && { everySeconds }) } }),
    ...pick(options, 'batchTimeout', 'maxBad'),
    ...(strict && { maxBad: 0 }),
  };
}

/**
 * Run `body`, which makes all that the checkpoint is kept for, with its lock held, and then remove it. Where `body` fails and left a checkpoint, the
 * error says so, because the next run can go on from there; where no further run could fare better, because the data never held what is needed, it goes too.
 */
export async function withCheckpoint<T>(checkpoint: string, { signal, quiet }: { readonly signal: AbortSignal } & ReportOptions, body: () => Promise<T>): Promise<T> {
  const { lockCheckpoint, removeCheckpoint } = await import('../pipeline/sim/index.ts');
  let unlock = async () => {};
  try {
    unlock = await lockCheckpoint(checkpoint, { signal, onWait: what => { if (!quiet) process.stderr.write(`${printable(what)}\n`); } });
    const done = await body();
    await removeCheckpoint(checkpoint);
    return done;
  } catch (error) {
    if (!(error instanceof QuantpipeError) || !existsSync(checkpoint) || (error.code === 'interrupted' && error !== signal.reason)) throw error;
    if (error.code === 'statistics-missing') {
      await removeCheckpoint(checkpoint);
      throw error;
    }
    throw new QuantpipeError(error.code, error.message, { ...error.context, ...wayOn(error, checkpoint) }, { cause: error });
  } finally {
    await unlock();
  }
}

/** What is said of a checkpoint that cannot be gone on from: of other work, damaged, or no such file at all. */
const REFUSED: readonly ErrorCode[] = ['checkpoint-mismatch', 'checkpoint-invalid', 'statistics-invalid'];

/** What the next command may be. Where the checkpoint itself was refused, the same one again would be refused too. */
function wayOn({ code, context }: QuantpipeError, checkpoint: string): Record<string, string> {
  if (code === 'checkpoint-mismatch' && String(context['file']).endsWith('.lock')) return { 'or work beside it': 'give another -o' };
  if (REFUSED.includes(code)) return { 'what to do': 'begin anew without --resume, in place of this checkpoint, or give another -o' };
  return { 'what was observed is kept in': `${checkpoint} (--resume goes on from there)` };
}

/** A run that begins anew takes the place of what an interrupted one kept: said before, while the user can still stop it. */
async function tellOfReplaced(checkpoint: string, line: ProgressLine): Promise<void> {
  if (!existsSync(checkpoint)) return;
  const { samplesKept } = await import('../pipeline/sim/index.ts');
  const samples = await samplesKept(checkpoint);
  const kept = samples === null ? 'a checkpoint' : `a checkpoint of ${count(samples, 'sample')}`;
  line.warn(`'${checkpoint}' is ${kept} that an interrupted run left; this run begins anew in its place (--resume would go on from it)`);
}

/** Calibrate (or only observe) with a progress line on standard error. */
export async function calibrateWithProgress(
  sim: QuantSim, source: Parameters<QuantSim['calibrate']>[0], options: DataOptions & EngineOptions & MemoryOptions & FaultOptions & ReportOptions, checkpoint: string | null, signal: AbortSignal,
  what: 'calibrate' | 'observe' = 'calibrate',
): Promise<RunFigures> {
  const line = new ProgressLine(what === 'calibrate' ? 'calibrating' : 'observing', { quiet: options.quiet === true });
  const metrics = options.metrics === undefined ? null : Metrics.open(options.metrics, warning => line.warn(warning), { isResumed: options.resume === true });
  const onPlan = (plan: MemoryPlan) => {
    line.say(planned(plan));
    metrics?.plan(plan);
  };
  if (checkpoint !== null && options.resume !== true) await tellOfReplaced(checkpoint, line);
  const tell = () => line.say('stopping when the batches under way are done; once more stops at once');
  const heap = new Heap();
  let figures = { samples: 0, resumed: 0, batches: 0 };
  signal.addEventListener('abort', tell);
  try {
    const settings = { signal, onPlan, ...await readOptions(options), ...faultSettings(options, checkpoint), ...pick(options, 'engine', 'workers', 'batchSize', 'memory', 'limit', 'shard') };
    for await (const progress of sim[what](source, settings)) {
      figures = progress;
      heap.hold();
      line.update(progress);
      metrics?.progress(progress);
    }
    metrics?.end();
  } catch (error) {
    metrics?.end(error);
    throw error;
  } finally {
    signal.removeEventListener('abort', tell);
    line.clear();
  }
  return { samples: figures.samples, resumed: figures.resumed, batches: figures.batches, seconds: line.seconds };
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
