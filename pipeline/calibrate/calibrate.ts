import { availableParallelism } from 'node:os';

import { bindInputs, type BindOptions } from '../data/bind.ts';
import { blocks } from '../data/blocks.ts';
import type { Source } from '../data/source.ts';
import { type EngineName, openEngine } from '../engine/index.ts';
import { Kernels } from '../kernels/kernels.ts';
import { emptyStatistics, mergeStatistics } from '../observers/merge.ts';
import type { Statistics } from '../observers/statistics.ts';
import { nameNodes } from './name-nodes.ts';
import { orderedMap } from './ordered-map.ts';
import type { Plan } from './plan.ts';
import { Pool } from './pool.ts';
import type { Observed } from './protocol.ts';
import { untilAborted } from './until-aborted.ts';

export interface CalibrateOptions extends BindOptions {
  /** Default 'auto': native where onnxruntime-node is installed. */
  readonly engine?: EngineName | 'auto';
  /** Threads. Default: one per processor. */
  readonly workers?: number;
  /** Samples in one run of the model. */
  readonly batchSize?: number;
  /** Stop after so many samples. */
  readonly limit?: number;
  /** Observe only the blocks k with k mod count = index. */
  readonly shard?: { readonly index: number; readonly count: number };
  /** Aborting stops the reading; when the blocks under way are done, the reason is thrown. */
  readonly signal?: AbortSignal;
}

export interface Progress {
  readonly samples: number;
  /** null where the source does not tell its length. */
  readonly total: number | null;
  readonly batches: number;
}

/** What a finished observation is: the statistics, and how they were gathered. */
export interface Observation {
  readonly statistics: Statistics;
  readonly engine: EngineName;
  readonly workers: number;
}

/** Blocks under way for each worker: one that runs, one that waits, so that a worker never waits for the reader. */
const BLOCKS_PER_WORKER = 2;

/**
 * Observe every tap of the plan on every sample of the source: reader → pool → reducer. Yields after every block; returns the
 * statistics. They depend on the samples alone, not on the number of workers or the order in which blocks finish.
 */
export async function* observe(plan: Plan, source: Source, options: CalibrateOptions = {}): AsyncGenerator<Progress, Observation> {
  const { workers = availableParallelism(), batchSize = plan.batchSize, limit, shard, signal } = options;
  const bindings = bindInputs(source, plan.inputs, options);
  const engine = (await openEngine(options.engine ?? 'auto')).name;
  const kernels = await Kernels.load();
  const pool = new Pool({ observing: { model: plan.tapped, taps: plan.taps, engine, inputs: plan.inputs, bindings } }, workers);
  try {
    let statistics = emptyStatistics(plan.hash);
    let batches = 0;
    const range = { size: batchSize, ...(limit === undefined ? {} : { limit }), ...(shard === undefined ? {} : { shard }) };
    const read = untilAborted(blocks(source, { ...range, columns: bindings.map(({ column }) => column) }), signal);
    const total = totalSamples(source, batchSize, limit, shard);
    for await (const seen of orderedMap(read, workers * BLOCKS_PER_WORKER, ({ index, bytes }) => pool.observe({ kind: 'observe', index, bytes }))) {
      statistics = mergeStatistics(kernels, statistics, asStatistics(plan, seen));
      batches++;
      yield { samples: statistics.samples, total, batches };
    }
    signal?.throwIfAborted();
    return { statistics, engine, workers };
  } catch (error) {
    throw nameNodes(error, plan.model);
  } finally {
    await pool.close();
  }
}

function asStatistics({ hash, taps }: Plan, { samples, tensors }: Observed): Statistics {
  return { model: hash, samples, tensors: new Map(taps.map((tap, i) => [tap, tensors[i]!])) };
}

/** How many samples this call will count, where the source tells. */
function totalSamples({ rows }: Source, size: number, limit = Infinity, shard = { index: 0, count: 1 }): number | null {
  if (rows === null) return null;
  const all = Math.min(rows, limit);
  if (shard.count === 1) return all;
  let total = 0;
  for (let first = shard.index * size; first < all; first += shard.count * size) total += Math.min(size, all - first);
  return total;
}
