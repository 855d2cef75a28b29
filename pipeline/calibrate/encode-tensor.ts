import { findEncoding } from '../analyzers/index.ts';
import { QuantpipeError } from '../base/errors.ts';
import { Kernels } from '../kernels/index.ts';
import type { Encoding } from '../quant/encoding.ts';
import { valuesByEncoding } from '../quant/granularity.ts';
import type { Answer, Encoded, EncodeTask } from './protocol.ts';

/** Load the kernels once; the function returned finds the encodings of one group of tensors. */
export async function tensorEncoder(): Promise<(task: EncodeTask) => Promise<Answer<Encoded>>> {
  const kernels = await Kernels.load();
  return async task => ({ value: { tensor: task.tensor, encodings: encodingsOf(kernels, task) }, moved: [] });
}

function encodingsOf(kernels: Kernels, { tensor, source, grid, scheme, options }: EncodeTask): Encoding[] {
  if (source.kind === 'statistics') return [named(`tensor '${tensor}'`, tensor, () => findEncoding(kernels, scheme, source, grid, options))];
  const parts = valuesByEncoding(source.values, source.split);
  return parts.map((values, at) => {
    const what = `constant '${tensor}'${parts.length === 1 ? '' : `, channel ${at} of ${parts.length}`}`;
    return named(what, tensor, () => findEncoding(kernels, scheme, { kind: 'values', values }, grid, options));
  });
}

/** An error of the search says what was searched. */
function named<T>(what: string, tensor: string, search: () => T): T {
  try {
    return search();
  } catch (cause) {
    if (!(cause instanceof QuantpipeError)) throw cause;
    throw new QuantpipeError(cause.code, `${what}: ${cause.message}`, { tensor, ...cause.context }, { cause });
  }
}
