import { availableParallelism } from 'node:os';

import { checkSearchOptions, type SchemeName, type SearchOptions } from '../analyzers/index.ts';
import { check } from '../base/check.ts';
import { QuantpipeError } from '../base/errors.ts';
import { elementCount } from '../base/tensor.ts';
import { fitBiases } from '../config/fit-biases.ts';
import { fitSoftmax } from '../config/fit-softmax.ts';
import type { EncodingTable, Placement, Quantizer } from '../config/placement.ts';
import type { Graph, Model } from '../graph/graph.ts';
import { Kernels } from '../kernels/index.ts';
import { groupStatistics } from '../observers/merge.ts';
import type { Statistics } from '../observers/statistics.ts';
import { type Encoding, fitEncoding } from '../quant/encoding.ts';
import { axisIn, splitOf } from '../quant/granularity.ts';
import { groupBlocks } from '../quant/lpbq.ts';
import { tensorEncoder } from './encode-tensor.ts';
import { checkFiniteWeights } from './finite-weights.ts';
import { orderedMap } from './ordered-map.ts';
import { Pool } from './pool.ts';
import type { Encoded, EncodeTask } from './protocol.ts';
import { untilAborted } from './until-aborted.ts';
import { remedyFor, withoutRange } from './without-range.ts';

export interface EncodeOptions {
  /** How activation ranges are chosen. */
  readonly scheme: SchemeName;
  /** How weight ranges are chosen. */
  readonly weightScheme: SchemeName;
  readonly search: SearchOptions;
  /** Give Softmax outputs deltas that ONNX Runtime's integer Softmax computes exactly (fit-softmax.ts); never to what min-max chose. Default false. */
  readonly exactSoftmax?: boolean;
  /** Encodings to keep as they are: of all quantizers of a group, or of none. */
  readonly frozen?: EncodingTable;
  /** Most threads; fewer where the work is not worth them. Default one per processor. */
  readonly workers?: number;
  readonly signal?: AbortSignal;
}

/** Searching so many constant values takes longer than starting a thread for it. */
const VALUES_WORTH_A_THREAD = 1 << 21;
/** Tasks under way for each thread: one that runs and one that waits. */
const TASKS_PER_WORKER = 2;

/**
 * Find the encoding of every quantizer of a placement: activations from the merged statistics of what their group observed,
 * constants on their values, channel by channel. One search a group, here or in a pool: the encodings are the same.
 *
 * @throws `config-invalid` for a gamma below 1 or a percentile outside 50 to 100
 * @throws `statistics-missing` naming the tensor that no batch reached, or that never held a finite value
 */
export async function encode(model: Model, placement: Placement, statistics: Statistics, options: EncodeOptions): Promise<EncodingTable> {
  checkSearchOptions(options.search);
  checkFiniteWeights(model, placement);
  const { frozen = new Map() } = options;
  const [empty] = withoutRange(placement, statistics, frozen);
  if (empty !== undefined) throw new QuantpipeError('statistics-missing', `tensor '${empty.tensors[0]}' has no encoding: ${empty.fact}; ${remedyFor(empty.tensors[0]!)}`, { tensor: empty.tensors[0]! });
  const searched = placement.quantizers.filter(({ tensor }) => !frozen.has(tensor));
  const leaders = searched.filter(quantizer => quantizer.tensor === quantizer.group && !isFixed(quantizer));
  const leadersByName = new Map(leaders.map(quantizer => [quantizer.tensor, quantizer]));
  const found = new Map<string, readonly Encoding[]>();
  const searcher = await openSearcher(leaders.length, constantValues(model, leaders), options);
  try {
    const tasks = untilAborted(encodeTasks(model, leaders, statistics, options), options.signal);
    for await (const { tensor, encodings } of orderedMap(tasks, () => searcher.limit, searcher.encode)) found.set(tensor, grouped(model, leadersByName.get(tensor)!, encodings));
  } finally {
    await searcher.close();
  }
  options.signal?.throwIfAborted();
  const chosen = new Map([...byTensor(searched, found), ...frozen]);
  const encodings = fitBiases(model, placement, options.exactSoftmax ? fitSoftmax(model, freeToMove(placement, options), chosen) : chosen);
  return new Map([...encodings, ...frozen]);
}

/** min-max is what it is, to the last digit: only ranges that were searched otherwise, or fixed, may be moved. */
function freeToMove(placement: Placement, { scheme }: EncodeOptions): Placement {
  return { ...placement, quantizers: placement.quantizers.filter(({ constraint }) => constraint !== null || scheme !== 'min-max') };
}

/** The encoding of every tensor: its own where the configuration fixes ends for it, else what its group shares. */
function byTensor(quantizers: readonly Quantizer[], found: ReadonlyMap<string, readonly Encoding[]>): EncodingTable {
  const shared = new Map<string, readonly Encoding[]>();
  for (const quantizer of quantizers) if (quantizer.tensor === quantizer.group) shared.set(quantizer.group, constrained(quantizer, found.get(quantizer.group)));
  return new Map(quantizers.map(quantizer => {
    const ofGroup = shared.get(quantizer.group);
    return [quantizer.tensor, quantizer.constraint === null || quantizer.tensor === quantizer.group ? ofGroup! : constrained(quantizer, ofGroup)];
  }));
}

/** Who runs the searches: this thread, or a pool. */
interface Searcher {
  readonly limit: number;
  readonly encode: (task: EncodeTask) => Promise<Encoded>;
  readonly close: () => Promise<void>;
}

async function openSearcher(tasks: number, values: number, options: EncodeOptions): Promise<Searcher> {
  const { workers = availableParallelism() } = options;
  const threads = Math.min(workers, tasks, Math.ceil(values / VALUES_WORTH_A_THREAD));
  if (threads <= 1) {
    const search = await tensorEncoder();
    return { limit: 1, encode: async task => (await search(task)).value, close: async () => {} };
  }
  const pool = new Pool({ observing: null }, threads);
  return { limit: pool.size * TASKS_PER_WORKER, encode: task => pool.encode(task), close: () => pool.close() };
}

/** Made one at a time: each holds a copy of its constant. */
async function* encodeTasks({ graph }: Model, leaders: readonly Quantizer[], statistics: Statistics, options: EncodeOptions): AsyncGenerator<EncodeTask> {
  const kernels = await Kernels.load();
  for (const quantizer of leaders) yield encodeTask(graph, quantizer, statistics, kernels, options);
}

function constantValues({ graph }: Model, quantizers: readonly Quantizer[]): number {
  return quantizers.reduce((sum, { tensor }) => sum + elementCount(graph.values.get(tensor)?.initializer?.dims ?? [0]), 0);
}

/** What was found; where blocks are compressed further, on the grid of their channel. */
function grouped({ graph }: Model, { tensor, granularity }: Quantizer, found: readonly Encoding[]): readonly Encoding[] {
  if (granularity.kind !== 'block' || granularity.decompressedBitwidth === null) return found;
  const { dims } = graph.values.get(tensor)!.initializer!;
  return groupBlocks(found, dims[axisIn(dims, granularity.channelAxis)]!, granularity.decompressedBitwidth);
}

/** Whether the configuration alone decides the encoding. */
function isFixed({ constraint }: Quantizer): boolean {
  return constraint !== null && constraint.min !== null && constraint.max !== null;
}

/** What was found, with the ends that the configuration fixes in place of its own. */
function constrained({ tensor, constraint, grid }: Quantizer, found: readonly Encoding[] | undefined): readonly Encoding[] {
  if (constraint === null) {
    check(found !== undefined, `the group of '${tensor}' was searched`);
    return found;
  }
  const [observed] = found ?? [];
  const [min, max] = [constraint.min ?? observed!.min, constraint.max ?? observed!.max];
  if (min > max) {
    throw new QuantpipeError('config-invalid', `the encoding of '${tensor}' would run from ${min} to ${max}: its constraint lies beyond what was observed`, { tensor });
  }
  return [fitEncoding(min, max, grid)];
}

function encodeTask(graph: Graph, quantizer: Quantizer, statistics: Statistics, kernels: Kernels, options: EncodeOptions): EncodeTask {
  const { tensor, grid, role, observed } = quantizer;
  const scheme = role === 'weight' ? options.weightScheme : options.scheme;
  const source = observed.length > 0
    ? { kind: 'statistics' as const, statistics: groupStatistics(kernels, statistics, observed) }
    : constantSource(graph, quantizer);
  return { kind: 'encode', tensor, source, grid, scheme, options: options.search };
}

function constantSource(graph: Graph, { tensor, granularity }: Quantizer) {
  const content = graph.values.get(tensor)?.initializer?.read();
  check(content !== undefined && content.data instanceof Float32Array, `'${tensor}' is a float32 constant`);
  return { kind: 'values' as const, values: content.data.slice(), split: splitOf(content.dims, granularity) };
}
