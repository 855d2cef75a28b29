import { QuantpipeError } from '../base/errors.ts';
import type { Encoding } from './encoding.ts';

/**
 * How finely a tensor is divided among encodings. A negative axis counts from the end.
 *
 * Blocks are stretches of `blockSize` along `axis` within a channel of `channelAxis`; their encodings are listed channel by channel, and
 * within a channel block by block. With a `decompressedBitwidth` (LPBQ) all deltas of a channel are whole multiples, 1 … 2^(decompressed -
 * bitwidth), of one delta: see lpbq.ts.
 */
export type Granularity =
  | { readonly kind: 'tensor' }
  | { readonly kind: 'channel'; readonly axis: number }
  | { readonly kind: 'block'; readonly axis: number; readonly blockSize: number; readonly channelAxis: number; readonly decompressedBitwidth: number | null };

export const PER_TENSOR: Granularity = { kind: 'tensor' };

/** A tensor's encodings, and what tells which of its elements each is for. */
export interface DividedTensor {
  readonly tensor: string;
  readonly dims: readonly number[];
  readonly granularity: Granularity;
  readonly encodings: readonly Encoding[];
}

/** How many channels a tensor has encodings for; one without channels counts as one. */
export function channelCount(dims: readonly number[], granularity: Granularity): number {
  if (granularity.kind === 'tensor') return 1;
  return dims[axisIn(dims, granularity.kind === 'channel' ? granularity.axis : granularity.channelAxis)]!;
}

/**
 * Which encoding each element of a tensor has, row-major: the tensor is nested `axes`, outermost first, around runs of `run` contiguous
 * elements that share an encoding. The number of a run's encoding is the sum of its positions along the axes, each times the axis's stride.
 */
export interface Split {
  readonly encodings: number;
  readonly axes: readonly SplitAxis[];
  readonly run: number;
}

interface SplitAxis {
  readonly size: number;
  readonly stride: number;
}

/** How a tensor of `dims` divides among encodings. */
export function splitOf(dims: readonly number[], granularity: Granularity): Split {
  if (granularity.kind === 'tensor') return { encodings: 1, axes: [], run: product(dims) };
  if (granularity.kind === 'channel') {
    const axis = axisIn(dims, granularity.axis);
    return nested(dims.flatMap((size, at) => at === axis ? [{ size, stride: 1 }] : [{ size, stride: 0 }]), dims[axis]!);
  }
  return blockSplit(dims, granularity);
}

function blockSplit(dims: readonly number[], { axis, blockSize, channelAxis }: Granularity & { kind: 'block' }): Split {
  const [along, across] = [axisIn(dims, axis), axisIn(dims, channelAxis)];
  const blocks = dims[along]! / blockSize;
  if (along === across || !Number.isInteger(blocks)) {
    throw new QuantpipeError('config-invalid', `blocks of ${blockSize} along dimension ${along}, channels along ${across}, do not divide a tensor of shape [${dims.join(', ')}]`);
  }
  return nested(dims.flatMap((size, at) => {
    if (at === across) return [{ size, stride: blocks }];
    return at === along ? [{ size: blocks, stride: 1 }, { size: blockSize, stride: 0 }] : [{ size, stride: 0 }];
  }), dims[across]! * blocks);
}

/** The axes as they are, the trailing ones that all lie in one encoding merged into a run. */
function nested(axes: readonly SplitAxis[], encodings: number): Split {
  const last = axes.findLastIndex(({ stride, size }) => stride > 0 && size > 1);
  return { encodings, axes: axes.slice(0, last + 1), run: product(axes.slice(last + 1).map(({ size }) => size)) };
}

/** Call `run` for every run of elements that share an encoding, in order, with the encoding's number. */
export function forEachRun({ axes, run: length }: Split, run: (encoding: number, start: number, end: number) => void): void {
  let at = 0;
  const walk = (depth: number, encoding: number): void => {
    if (depth === axes.length) {
      run(encoding, at, at += length);
      return;
    }
    const { size, stride } = axes[depth]!;
    for (let i = 0; i < size; i++) walk(depth + 1, encoding + i * stride);
  };
  walk(0, 0);
}

/** The values of every encoding, each in order: views where they lie together. */
export function valuesByEncoding(values: Float32Array, split: Split): Float32Array[] {
  const { encodings } = split;
  const each = values.length / encodings;
  const filled = new Array<number>(encodings).fill(0);
  const found: Float32Array[] = Array.from({ length: encodings }, () => values.subarray(0, 0));
  forEachRun(split, (encoding, start, end) => {
    if (end - start === each) found[encoding] = values.subarray(start, end);
    else {
      if (filled[encoding] === 0) found[encoding] = new Float32Array(each);
      found[encoding]!.set(values.subarray(start, end), filled[encoding]);
      filled[encoding]! += end - start;
    }
  });
  return found;
}

/** An axis counted from the front; it must exist. */
export function axisIn(dims: readonly number[], axis: number): number {
  const counted = axis < 0 ? axis + dims.length : axis;
  if (dims[counted] === undefined) throw new QuantpipeError('config-invalid', `axis ${axis} does not exist in a tensor of shape [${dims.join(', ')}]`);
  return counted;
}

const product = (sizes: readonly number[]): number => sizes.reduce((count, size) => count * size, 1);
