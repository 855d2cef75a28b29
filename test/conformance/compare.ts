import { floatsFromHalves } from '../../pipeline/base/half.ts';
import type { Tensor } from '../../pipeline/base/tensor.ts';

/** Where two sets of outputs part, or null where they are the same: floats within `tolerance` of the largest value of their tensor, all else exactly. */
export function difference(actual: Readonly<Record<string, Tensor>>, expected: Readonly<Record<string, Tensor>>, tolerance: number): string | null {
  for (const [name, wanted] of Object.entries(expected)) {
    const found = actual[name];
    const why = found === undefined ? 'is missing' : tensorDifference(found, wanted, tolerance);
    if (why !== null) return `output '${name}' ${why}`;
  }
  return null;
}

export function tensorDifference(found: Tensor, wanted: Tensor, tolerance: number): string | null {
  if (found.dtype !== wanted.dtype) return `is ${found.dtype}, expected ${wanted.dtype}`;
  if (found.dims.join() !== wanted.dims.join()) return `has shape [${found.dims.join(', ')}], expected [${wanted.dims.join(', ')}]`;
  const [a, e] = [numbers(found), numbers(wanted)];
  const bound = tolerance * largest(e);
  for (let i = 0; i < e.length; i++) {
    if (!Object.is(a[i], e[i]) && !isNear(a[i], e[i], bound)) return `holds ${String(a[i])} at ${i}, expected ${String(e[i])} ± ${bound}`;
  }
  return null;
}

type Numbers = ArrayLike<number | bigint | string>;

function numbers({ dtype, data }: Tensor): Numbers {
  return dtype === 'float16' ? floatsFromHalves(data as Uint16Array) : data;
}

function largest(values: Numbers): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(Number(values[i]));
    if (size > most && size < Infinity) most = size;
  }
  return most;
}

function isNear(a: unknown, e: unknown, bound: number): boolean {
  return a === e || (typeof a === 'number' && typeof e === 'number' && Math.abs(a - e) <= bound);
}
