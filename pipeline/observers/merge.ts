import { QuantpipeError } from '../base/errors.ts';
import { listed } from '../base/listed.ts';
import type { Kernels } from '../kernels/index.ts';
import type { Shards, Statistics, TensorStatistics } from './statistics.ts';

/** Tensors named in an error before the rest is counted. */
const TENSORS_SHOWN = 3;

/** Statistics of a model of which nothing was observed yet. Merging with them changes nothing. */
export function emptyStatistics(model: string): Statistics {
  return { model, samples: 0, shards: null, tensors: new Map() };
}

/**
 * Statistics of everything that `into` or `from` has seen; both are left as they are.
 *
 * @throws `statistics-invalid` for another model or other tensors, for what was prepared in another way or ran on another engine, and for shards that both hold, that are of another division or that were read in another way
 */
export function mergeStatistics(kernels: Kernels, into: Statistics, from: Statistics): Statistics {
  if (into.model !== from.model) {
    throw invalid(`statistics of model ${short(from.model)} do not merge with those of model ${short(into.model)}`);
  }
  const shards = mergeShards(into.shards, from.shards);
  const preparation = mergePreparation(into, from);
  checkSameTensors(into, from);
  const tensors = new Map(into.tensors);
  for (const [name, statistics] of from.tensors) {
    const known = tensors.get(name);
    tensors.set(name, known ? kernels.mergeStatistics(known, statistics) : statistics);
  }
  return { model: into.model, samples: into.samples + from.samples, shards, ...(preparation !== undefined && { preparation }), tensors };
}

/** A tensor that only one of them has would count as if it had been observed on all samples. Who has seen nothing may lack them all. */
function checkSameTensors(into: Statistics, from: Statistics): void {
  if (into.samples === 0 || from.samples === 0) return;
  const apart = [...into.tensors.keys()].filter(name => !from.tensors.has(name)).concat([...from.tensors.keys()].filter(name => !into.tensors.has(name)));
  if (apart.length > 0) throw invalid(`statistics of ${from.tensors.size} tensors do not merge with those of ${into.tensors.size}: ${listed(apart.map(name => `'${name}'`), TENSORS_SHOWN)} ${apart.length === 1 ? 'is' : 'are'} in one of them only, as another configuration observes other tensors; observe all with the same one`);
}

/** Why statistics may lack a tensor that was reached. */
function hint(others: number): string {
  return others > 0 ? `, of ${others} other ${others === 1 ? 'tensor' : 'tensors'}: if with another configuration, use the same one here` : '';
}

/** Who has seen nothing has prepared nothing. */
function mergePreparation(into: Statistics, from: Statistics): string | undefined {
  const [a, b] = [into.preparation, from.preparation];
  if (a === undefined || b === undefined || a === b || into.samples === 0 || from.samples === 0) return into.samples === 0 ? b ?? a : a ?? b;
  throw invalid(`${from.samples} samples that were prepared in one way (${b}) do not merge with ${into.samples} that were in another (${a}): preprocessing or engine differ; observe all with the same options`);
}

/** The shards of both; null where they are the whole. */
function mergeShards(into: Shards | null, from: Shards | null): Shards | null {
  if (into === null && from === null) return null;
  if (into === null || from === null) {
    throw invalid(`statistics of a whole data set do not merge with those of ${showShards((into ?? from)!)}: merge the shards first, all of them`);
  }
  if (into.count !== from.count || into.blockSize !== from.blockSize || into.total !== from.total) throw invalid(`${showShards(from)} do not merge with ${showShards(into)}`);
  if (into.reading !== from.reading) {
    throw invalid(`${showShards(from)} do not merge with ${showShards(into)}: they were read in different ways (${from.reading ?? 'unknown'} and ${into.reading ?? 'unknown'}): sample choice, columns, preprocessing or engine differ; observe all shards with the same options`);
  }
  const twice = from.parts.filter(part => into.parts.includes(part));
  if (twice.length > 0) throw invalid(`both hold ${showShards({ ...from, parts: twice })}, which would be counted twice`);
  const parts = [...into.parts, ...from.parts].sort((a, b) => a - b);
  return parts.length === into.count ? null : { ...into, parts };
}

/** "shards 0/3, 2/3 of blocks of 32 samples of 1000" */
function showShards({ count, blockSize, total, parts }: Shards): string {
  return `${parts.length === 1 ? 'shard' : 'shards'} ${parts.map(part => `${part}/${count}`).join(', ')} of blocks of ${blockSize} samples${total === null ? '' : ` of ${total}`}`;
}

/** What is not in the statistics, in words; null where nothing is missing. */
export function missingShards({ shards }: Statistics): string | null {
  if (shards === null) return null;
  const missing = [...Array(shards.count).keys()].filter(part => !shards.parts.includes(part));
  return `${showShards({ ...shards, parts: missing })} ${missing.length === 1 ? 'is' : 'are'} missing`;
}

function invalid(fact: string): QuantpipeError {
  return new QuantpipeError('statistics-invalid', fact);
}

/**
 * Statistics of several tensors taken as one, for an encoding that they share.
 *
 * @throws `statistics-missing` naming the first tensor that was not observed
 */
export function groupStatistics(kernels: Kernels, { tensors, samples }: Statistics, names: readonly string[]): TensorStatistics {
  return names.map(name => {
    const seen = tensors.get(name);
    if (seen !== undefined) return seen;
    throw new QuantpipeError('statistics-missing', `no batch reached tensor '${name}', so '${names[0]}' has no encoding (${samples} samples were observed${hint(tensors.size)})`, { tensor: name });
  }).reduce((all, seen) => kernels.mergeStatistics(all, seen));
}

/** Enough of a hash to tell two models apart. */
function short(hash: string): string {
  return hash.slice(0, 12);
}
