import { QuantpipeError } from '../base/errors.ts';
import type { Kernels } from '../kernels/kernels.ts';
import type { Statistics, TensorStatistics } from './statistics.ts';

/** Statistics of a model of which nothing was observed yet. Merging with them changes nothing. */
export function emptyStatistics(model: string): Statistics {
  return { model, samples: 0, tensors: new Map() };
}

/**
 * Statistics of everything that `into` or `from` has seen; both are left as they are. A tensor that only one of them has is
 * taken over as it is.
 */
export function mergeStatistics(kernels: Kernels, into: Statistics, from: Statistics): Statistics {
  if (into.model !== from.model) {
    throw new QuantpipeError('statistics-invalid', `statistics of model ${short(from.model)} do not merge with those of model ${short(into.model)}`);
  }
  const tensors = new Map(into.tensors);
  for (const [name, statistics] of from.tensors) {
    const known = tensors.get(name);
    tensors.set(name, known ? kernels.mergeStatistics(known, statistics) : statistics);
  }
  return { model: into.model, samples: into.samples + from.samples, tensors };
}

/**
 * Statistics of several tensors taken as one, for an encoding that they share.
 *
 * @throws `statistics-missing` naming the first tensor of which no value was seen
 */
export function groupStatistics(kernels: Kernels, { tensors, samples }: Statistics, names: readonly string[]): TensorStatistics {
  return names.map(name => {
    const seen = tensors.get(name);
    if (seen !== undefined && seen.bins.length > 0) return seen;
    throw new QuantpipeError('statistics-missing', `no batch reached tensor '${name}', so '${names[0]}' has no encoding (${samples} samples were observed)`, { tensor: name });
  }).reduce((all, seen) => kernels.mergeStatistics(all, seen));
}

/** Enough of a hash to tell two models apart. */
function short(hash: string): string {
  return hash.slice(0, 12);
}
