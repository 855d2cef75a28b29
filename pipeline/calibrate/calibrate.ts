import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';

import { byteSize } from '../base/byte-size.ts';
import { QuantpipeError } from '../base/errors.ts';
import { orAborted } from '../base/or-aborted.ts';
import { peakMemory } from '../base/peak-memory.ts';
import { type Binding, bindInputs, type BindOptions, type Block, type BlockOptions, blocks, blockSize, fixedBatch, isAddress, preparationHash, readingHash, repeatedRequests, sampleCount, type Source } from '../data/index.ts';
import { type EngineName, openEngine } from '../engine/index.ts';
import { Kernels } from '../kernels/index.ts';
import type { Shards, Statistics } from '../observers/statistics.ts';
import type { SetAside } from './attempts.ts';
import { checkCalibrateOptions } from './check-options.ts';
import { Checkpoint, type CheckpointOptions } from './checkpoint.ts';
import { openSink } from './discard.ts';
import { identityOf } from './identity.ts';
import { nameNodes } from './name-nodes.ts';
import type { MemoryPlan } from './memory-plan.ts';
import { orderedMap } from './ordered-map.ts';
import { peekable } from './peek.ts';
import type { Plan } from './plan.ts';
import { rawImageWarnings, unusedImageOptions } from './raw-images.ts';
import { MAX_BAD } from './readable-blocks.ts';
import { Reducer } from './reducer.ts';
import { untilAborted } from './until-aborted.ts';
import { weightsFolder } from './weights-folder.ts';
import { type FitOptions, Work } from './work.ts';

/** Blocks that are tried, one after the other, to find out what a run takes. */
const MOST_TRIED = 16;

export interface CalibrateOptions extends BindOptions {
  /** Default 'auto': native where onnxruntime-node is installed. */
  readonly engine?: EngineName | 'auto';
  /** Threads. Default: one per processor. */
  readonly workers?: number;
  /** Samples in a block, and in one run of the model where memory allows. */
  readonly batchSize?: number;
  /** Bytes that the process may hold: workers, samples in a run and groups of tensors are chosen so that it does not hold more. Default: 70 % of what the machine or the container has. */
  readonly memory?: number;
  /** Processes like this one on the machine, this one among them: they share what it has, where `memory` says nothing. Default 1. */
  readonly beside?: number;
  /** Told how the work fits into the memory, before the first block. */
  readonly onPlan?: (plan: MemoryPlan) => void;
  /** Stop after so many samples. */
  readonly limit?: number;
  /** Observe only the blocks k with k mod count = index. */
  readonly shard?: { readonly index: number; readonly count: number };
  /** Aborting stops the reading; when the blocks under way are done, the state is saved and the reason is thrown. */
  readonly signal?: AbortSignal;
  /** Keep the state in a file, from which an interrupted observation goes on. Default: none. */
  readonly checkpoint?: CheckpointOptions;
  /** Seconds that one block may take; then its thread is replaced and the block tried again. Default: as long as it takes. */
  readonly batchTimeout?: number;
  /** Blocks that may be set aside, because they take down their threads, the engine refuses them or their data do not fit, and samples that cannot be read. Default 16. */
  readonly maxBad?: number;
  /** Module of the worker threads, for hosts that wrap quantpipe's own (calibrate/worker.ts): tests make threads die by it. */
  readonly worker?: URL;
}

export interface Progress {
  readonly samples: number;
  /** Those of them that an interrupted run had observed. */
  readonly resumed: number;
  /** null where the source does not tell its length. */
  readonly total: number | null;
  readonly batches: number;
  /** Blocks and samples that were set aside so far. */
  readonly setAside: number;
  /** Attempts beyond the first: of blocks whose threads died or hung, and of requests for data that broke off. */
  readonly retries: number;
  /** How the work fits into the memory; null where the first samples could not be measured. */
  readonly memory: MemoryPlan | null;
  /** Memory of another process in which blocks are observed now, in bytes; 0 where there is none. */
  readonly apartBytes: number;
}

/** What a finished observation is: the statistics, and how they were gathered. */
export interface Observation {
  readonly statistics: Statistics;
  readonly engine: EngineName;
  /** Blocks that were observed. */
  readonly batches: number;
  readonly workers: number;
  /** The most memory that this process and another, in which blocks were observed, have held together, in bytes; 0 where there was no other. */
  readonly peakBytes: number;
  readonly setAside: readonly SetAside[];
  /** What the user should know about how it went. */
  readonly warnings: readonly string[];
}

/**
 * Observe every tap of the plan on every sample of the source: reader → pool → reducer. Yields after every block; returns the
 * statistics. They depend on the samples alone: not on the number of workers, the order in which blocks finish, or on threads and
 * processes that died on the way.
 */
export async function* observe(plan: Plan, source: Source, options: CalibrateOptions = {}): AsyncGenerator<Progress, Observation> {
  checkCalibrateOptions(options);
  const { signal } = options;
  const addresses = new Set(source.files?.filter(isAddress)), requestsBefore = repeatedRequests(addresses);
  const bindings = bindInputs(source, plan.inputs, options);
  const engine = await openEngine(options.engine ?? 'auto');
  const warnings = [...(engine.notice === undefined ? [] : [engine.notice]), ...source.notices ?? [], ...rawImageWarnings(plan, source, bindings), ...unusedImageOptions(source, bindings, options.images)];
  const range = blockRange(plan, source, bindings, options, warnings);
  const total = sampleCount(source, range);
  const workers = Math.min(options.workers ?? availableParallelism(), total === null ? Infinity : Math.max(1, Math.ceil(total / range.size))); // one without a block would do nothing
  const checkpoint = options.checkpoint ? await Checkpoint.open(options.checkpoint, await orAborted(identityOf(plan, source, engine, range, bindings, options.images), signal)) : null;
  let reducer: Reducer | null = null;
  let folder: string | null = null, isEnded = false;
  try {
    const discard = await openSink();
    reducer = new Reducer(plan, await Kernels.load(), checkpoint?.resumed ?? null, { maxBad: options.maxBad ?? MAX_BAD, discard, nameOf: index => batchName(index, range, source) });
    folder = plan.weights === null ? null : await weightsFolder(plan.weights);
    const work = new Work({ model: plan.tapped, folder, taps: plan.taps, engine: engine.name, inputs: plan.inputs, bindings }, checkpoint?.journal ?? null, { ...options, workers, discard });
    const resumed = reducer.state.statistics.samples;
    const used = yield* runThrough({
      work, reducer, checkpoint, signal, onPlan: options.onPlan, read: untilAborted(blocksFrom(reducer.state.next, source, range, checkpoint), signal), fit: { block: range.size, together: range.together ?? 1, warnings },
      progress: memory => ({ ...progressOf(reducer!), resumed, total, retries: work.retries + repeatedRequests(addresses) - requestsBefore, memory, apartBytes: work.apartBytes }),
    });
    reducer.checkAny();
    if (reducer.state.statistics.samples === 0) warnings.push('no sample falls into this shard: it adds nothing');
    if (signal?.aborted !== true) await checkpoint?.save(reducer.state);
    isEnded = true;
    signal?.throwIfAborted();
    const { statistics, batches, setAside } = reducer.state;
    if (options.memory !== undefined) warnings.push(...overBudget(options.memory, Math.max(peakMemory(), work.peakBytes)));
    const shards = shardsOf(source, range, `${readingHash(source, bindings, options.images, source.rows === null ? range.limit : null)}-${engine.name}`);
    return {
      statistics: { ...statistics, shards, preparation: `${preparationHash(bindings, options.images)}-${engine.name}` },
      engine: engine.name, batches, workers: used, peakBytes: work.peakBytes, setAside, warnings: [...warnings, ...setAside.map(what => setAsideWarning(what, range, source))],
    };
  } catch (error) {
    isEnded = true;
    const isKept = checkpoint !== null && reducer !== null && await isSaved(checkpoint, reducer);
    if (isKept && signal?.aborted && error === signal.reason) throw interrupted(checkpoint!.path, reducer!.state.statistics.samples, total, error);
    throw nameNodes(error, plan.model);
  } finally {
    if (folder !== null) await rm(folder, { recursive: true, force: true });
    if (!isEnded && checkpoint !== null && reducer !== null) await isSaved(checkpoint, reducer); // whoever watched the progress went away
    await checkpoint?.close();
  }
}

/** Work that is ready to begin. */
interface Course {
  readonly work: Work;
  readonly reducer: Reducer;
  readonly checkpoint: Checkpoint | null;
  readonly signal: AbortSignal | undefined;
  readonly read: AsyncGenerator<Block>;
  readonly fit: FitOptions;
  readonly onPlan: CalibrateOptions['onPlan'] | undefined;
  readonly progress: (memory: MemoryPlan | null) => Progress;
}

/** Fit the work into the memory, and observe block after block. Gives the number of workers. */
async function* runThrough({ work, reducer, checkpoint, signal, read, fit, onPlan, progress }: Course): AsyncGenerator<Progress, number> {
  const save = () => { if (checkpoint !== null) void isSaved(checkpoint, reducer); }; // at once: the batches under way may take long, or be stopped by a second signal
  signal?.addEventListener('abort', save);
  try {
    const { ahead, all } = peekable(read, MOST_TRIED);
    const memory = await work.fit(ahead, fit), { workers } = work;
    if (memory !== null) onPlan?.(memory);
    for await (const outcome of orderedMap(all, () => work.limit(reducer.state.next), block => work.observe(block))) {
      reducer.add(outcome);
      await checkpoint?.passing(reducer.state);
      yield progress(memory);
    }
    return workers;
  } finally {
    signal?.removeEventListener('abort', save);
    await work.close();
  }
}

/** The blocks that are still to be observed. A stream that a checkpoint is kept of is read from its beginning, to see that it is the same. */
function blocksFrom(next: number, source: Source, range: BlockOptions, checkpoint: Checkpoint | null): AsyncIterable<Block> {
  if (checkpoint === null || source.files !== undefined) return blocks(source, { ...range, from: next });
  return checkpoint.trail.follow(blocks(source, range), next, checkpoint.resumedTrail);
}

function progressOf({ state: { statistics: { samples }, batches, setAside } }: Reducer): Pick<Progress, 'samples' | 'batches' | 'setAside'> {
  return { samples, batches, setAside: setAside.length };
}

/** Keep what there is when an error ends the work; the error matters more than whether that succeeds. */
async function isSaved(checkpoint: Checkpoint, { state }: Reducer): Promise<boolean> {
  if (state.batches === 0) return false;
  return checkpoint.save(state).then(() => true, () => false);
}

function interrupted(path: string, samples: number, total: number | null, cause: unknown): QuantpipeError {
  return new QuantpipeError('interrupted', `stopped after ${samples}${total === null ? '' : ` of ${total}`} samples; they are kept in '${path}', and a run that resumes goes on from there`, {}, { cause });
}

function setAsideWarning({ index, sample, message }: SetAside, range: BlockOptions, source: Source): string {
  return sample !== undefined ? `left out: ${message}` : `${batchName(index, range, source)} was set aside: ${message}`;
}

function batchName(index: number, { size, limit = Infinity }: BlockOptions, { rows }: Source): string {
  const first = index * size, last = Math.min(first + size, limit, rows ?? Infinity) - 1;
  return `batch ${index} (${first === last ? `sample ${first}` : `samples ${first} to ${last}`}, counted from 0)`;
}

function blockRange(plan: Plan, source: Source, bindings: readonly Binding[], { batchSize, limit, shard }: CalibrateOptions, warnings: string[]): BlockOptions {
  const together = fixedBatch(plan.inputs, source, bindings);
  return {
    size: blockSize(batchSize, plan.batchSize, together), together, columns: bindings.map(({ column }) => column),
    ...(limit === undefined ? {} : { limit }), ...(shard === undefined ? {} : { shard }),
    onLeftOut: (count, unreadable) => warnings.push(leftOutWarning(count, together, unreadable)),
  };
}

/** What the statistics say of their shard. */
function shardsOf(source: Source, { shard, ...range }: BlockOptions, reading: string): Shards | null {
  return shard === undefined || shard.count === 1 ? null : { count: shard.count, blockSize: range.size, total: sampleCount(source, range), reading, parts: [shard.index] };
}

/** How large a tensor is may depend on values, which no plan foresees. */
function overBudget(budget: number, peakBytes: number): string[] {
  return peakBytes > budget ? [`${byteSize(peakBytes)} of memory were held at the most, where ${byteSize(budget)} were allowed`] : [];
}

/** What a fixed batch left over. */
export function leftOutWarning(count: number, together: number, unreadable: number): string {
  const which = unreadable === 0 ? `the last ${count} ${count === 1 ? 'sample was' : 'samples were'}` : `${count} ${count === 1 ? 'sample' : 'samples'} beside ${unreadable} that cannot be read ${count === 1 ? 'was' : 'were'}`;
  return `${which} left out: the model reads ${together} at a time`;
}
