import { findEncoding } from '../analyzers/index.ts';
import { QuantpipeError } from '../base/errors.ts';
import { Kernels } from '../kernels/kernels.ts';
import type { Encoding } from '../quant/encoding.ts';
import { valuesByEncoding } from '../quant/granularity.ts';
import type { Answer, Encoded, EncodeTask } from './protocol.ts';

/** Load the kernels once; the function returned finds the encodings of one group of tensors. */
export async function tensorEncoder(): Promise<(task: EncodeTask) => Promise<Answer<Encoded>>> {
  const kernels = await Kernels.load();
  return async task => ({ value: { tensor: task.tensor, encodings: encodingsOf(kernels, task) }, moved: [] });
}

function encodingsOf(kernels: Kernels, { tensor, source, grid, scheme, options }: EncodeTask): Encoding[] {
  try {
    if (source.kind === 'statistics') return [findEncoding(kernels, scheme, source, grid, options)];
    return valuesByEncoding(source.values, source.split).map(values => findEncoding(kernels, scheme, { kind: 'values', values }, grid, options));
  } catch (cause) {
    if (!(cause instanceof QuantpipeError)) throw cause;
    throw new QuantpipeError(cause.code, `tensor '${tensor}': ${cause.message}`, { tensor, ...cause.context }, { cause });
  }
}
