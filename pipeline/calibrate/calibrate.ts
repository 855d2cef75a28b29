import { availableParallelism } from 'node:os';

import { bindInputs, type BindOptions } from '../data/bind.ts';
import { type BlockOptions, blocks, blockSize, sampleCount } from '../data/blocks.ts';
import { fixedBatch } from '../data/feeds.ts';
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

/** What a fixed batch left over. */
export function leftOutWarning(count: number, together: number): string {
  return `the last ${count} ${count === 1 ? 'sample was' : 'samples were'} left out: the model reads ${together} at a time`;
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
  /** What the user should know about how it went. */
  readonly warnings: readonly string[];
}

/** Blocks under way for each worker: one that runs, one that waits, so that a worker never waits for the reader. */
const BLOCKS_PER_WORKER = 2;

/**
 * Observe every tap of the plan on every sample of the source: reader → pool → reducer. Yields after every block; returns the
 * statistics. They depend on the samples alone, not on the number of workers or the order in which blocks finish.
 */
export async function* observe(plan: Plan, source: Source, options: CalibrateOptions = {}): AsyncGenerator<Progress, Observation> {
  const { workers = availableParallelism(), limit, shard, signal } = options;
  const bindings = bindInputs(source, plan.inputs, options);
  const together = fixedBatch(plan.inputs, source, bindings);
  const { name: engine, notice } = await openEngine(options.engine ?? 'auto');
  const warnings = notice === undefined ? [] : [notice];
  const range: BlockOptions = {
    size: blockSize(options.batchSize, plan.batchSize, together), together, columns: bindings.map(({ column }) => column),
    ...(limit === undefined ? {} : { limit }), ...(shard === undefined ? {} : { shard }),
    onLeftOut: count => warnings.push(leftOutWarning(count, together)),
  };
  const kernels = await Kernels.load();
  const pool = new Pool({ observing: { model: plan.tapped, taps: plan.taps, engine, inputs: plan.inputs, bindings } }, workers);
  try {
    let statistics = emptyStatistics(plan.hash);
    let batches = 0;
    const read = untilAborted(blocks(source, range), signal);
    const total = sampleCount(source, range);
    for await (const seen of orderedMap(read, workers * BLOCKS_PER_WORKER, ({ index, bytes }) => pool.observe({ kind: 'observe', index, bytes }))) {
      statistics = mergeStatistics(kernels, statistics, asStatistics(plan, seen));
      batches++;
      yield { samples: statistics.samples, total, batches };
    }
    signal?.throwIfAborted();
    return { statistics, engine, workers, warnings };
  } catch (error) {
    throw nameNodes(error, plan.model);
  } finally {
    await pool.close();
  }
}

function asStatistics({ hash, taps }: Plan, { samples, tensors }: Observed): Statistics {
  return { model: hash, samples, tensors: new Map(taps.map((tap, i) => [tap, tensors[i]!])) };
}
