import type { SchemeName, SearchOptions } from '../analyzers/index.ts';
import { check } from '../base/check.ts';
import { QuantpipeError } from '../base/errors.ts';
import { fitBiases } from '../config/fit-biases.ts';
import { fitSoftmax } from '../config/fit-softmax.ts';
import type { EncodingTable, Placement, Quantizer } from '../config/placement.ts';
import type { Graph, Model } from '../graph/graph.ts';
import { Kernels } from '../kernels/kernels.ts';
import type { Statistics, TensorStatistics } from '../observers/statistics.ts';
import { type Encoding, fitEncoding } from '../quant/encoding.ts';
import { splitOf } from '../quant/granularity.ts';
import { Pool } from './pool.ts';
import type { EncodeTask } from './protocol.ts';

export interface EncodeOptions {
  /** How activation ranges are chosen. */
  readonly scheme: SchemeName;
  /** How weight ranges are chosen. */
  readonly weightScheme: SchemeName;
  readonly search: SearchOptions;
  readonly signal?: AbortSignal;
}

/**
 * Find the encoding of every quantizer of a placement: activations from the merged statistics of what their group observed,
 * constants on their values, channel by channel. One search a group, in the pool.
 *
 * @throws `statistics-missing` naming the tensor that no batch reached, or that never held a finite value
 */
export async function encode(model: Model, placement: Placement, statistics: Statistics, options: EncodeOptions): Promise<EncodingTable> {
  const leaders = placement.quantizers.filter(quantizer => quantizer.tensor === quantizer.group && !isFixed(quantizer));
  const kernels = await Kernels.load();
  const tasks = leaders.map(quantizer => [quantizer.group, encodeTask(model.graph, quantizer, statistics, kernels, options)] as const);
  const pool = new Pool({ observing: null });
  try {
    const byGroup = new Map(await Promise.all(tasks.map(async ([group, task]) => [group, (await pool.encode(task)).encodings] as const)));
    const found = new Map(placement.quantizers.map(quantizer => [quantizer.tensor, constrained(quantizer, byGroup.get(quantizer.group))]));
    options.signal?.throwIfAborted();
    return fitBiases(model, placement, fitSoftmax(model, placement, found));
  } finally {
    await pool.close();
  }
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
  return [fitEncoding(constraint.min ?? observed!.min, constraint.max ?? observed!.max, grid)];
}

function encodeTask(graph: Graph, quantizer: Quantizer, statistics: Statistics, kernels: Kernels, options: EncodeOptions): EncodeTask {
  const { tensor, grid, role, observed } = quantizer;
  const scheme = role === 'weight' ? options.weightScheme : options.scheme;
  const source = observed.length > 0
    ? { kind: 'statistics' as const, statistics: observedStatistics(quantizer, statistics, kernels) }
    : constantSource(graph, quantizer);
  return { kind: 'encode', tensor, source, grid, scheme, options: options.search };
}

function observedStatistics({ tensor, observed }: Quantizer, { tensors, samples }: Statistics, kernels: Kernels): TensorStatistics {
  return observed.map(name => {
    const seen = tensors.get(name);
    if (seen === undefined || seen.bins.length === 0) {
      throw new QuantpipeError('statistics-missing', `no batch reached tensor '${name}', so '${tensor}' has no encoding (${samples} samples were observed)`);
    }
    return seen;
  }).reduce((all, seen) => kernels.mergeStatistics(all, seen));
}

function constantSource(graph: Graph, { tensor, granularity }: Quantizer) {
  const content = graph.values.get(tensor)?.initializer?.read();
  check(content !== undefined && content.data instanceof Float32Array, `'${tensor}' is a float32 constant`);
  return { kind: 'values' as const, values: content.data.slice(), split: splitOf(content.dims, granularity) };
}
