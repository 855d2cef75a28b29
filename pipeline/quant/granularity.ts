import { QuantpipeError } from '../base/errors.ts';

/** How finely a tensor is divided among encodings. A negative axis counts from the end. */
export type Granularity =
  | { readonly kind: 'tensor' }
  | { readonly kind: 'channel'; readonly axis: number }
  | { readonly kind: 'block'; readonly axis: number; readonly blockSize: number };

export const PER_TENSOR: Granularity = { kind: 'tensor' };

/** A tensor seen as [outer, channels, inner], row-major: channel c owns the elements (o, c, i) for every o and i. */
export interface Split {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

/** See a tensor of `dims` as channels along `axis`; per tensor is one channel. */
export function splitOf(dims: readonly number[], granularity: Granularity): Split {
  const product = (part: readonly number[]) => part.reduce((count, dim) => count * dim, 1);
  if (granularity.kind === 'tensor') return { outer: 1, channels: 1, inner: product(dims) };
  const axis = granularity.axis < 0 ? granularity.axis + dims.length : granularity.axis;
  const channels = dims[axis];
  if (channels === undefined) {
    throw new QuantpipeError('config-invalid', `channel axis ${granularity.axis} does not exist in a tensor of shape [${dims.join(', ')}]`);
  }
  if (granularity.kind === 'channel') return { outer: product(dims.slice(0, axis)), channels, inner: product(dims.slice(axis + 1)) };
  throw new QuantpipeError('op-unsupported', 'per-block encodings do not split into channels');
}

/** The values of one channel of a tensor seen as [outer, channels, inner], in order; a view where they lie together. */
export function channelValues(values: Float32Array, { outer, channels, inner }: Split, channel: number): Float32Array {
  if (outer === 1) return values.subarray(channel * inner, (channel + 1) * inner);
  const gathered = new Float32Array(outer * inner);
  for (let o = 0; o < outer; o++) {
    const from = (o * channels + channel) * inner;
    gathered.set(values.subarray(from, from + inner), o * inner);
  }
  return gathered;
}
