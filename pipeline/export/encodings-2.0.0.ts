import { toAffine } from '../quant/affine.ts';
import type { Granularity } from '../quant/granularity.ts';
import { channelMultiples } from '../quant/lpbq.ts';
import type { EncodingsContent, EncodingsWriter, NamedContent, NamedEncodings } from './encodings-content.ts';

/** A number; one per channel; or nested in the tensor's rank, where each dimension has its blocks, its channels, or one for all. */
type Numbers = number | readonly Numbers[];

/** What the file says of a tensor, in the words of ONNX's QuantizeLinear: `real = y_scale * (q - y_zero_point)`. A zero point of 0 is left out. */
interface Record200 {
  readonly name: string;
  readonly output_dtype: string;
  readonly axis?: number;
  readonly block_size?: number;
  readonly y_scale?: Numbers;
  /** LPBQ: y_scale = per_block_int_scale * per_channel_float_scale. */
  readonly per_block_int_scale?: Numbers;
  readonly per_channel_float_scale?: Numbers;
  readonly y_zero_point?: Numbers;
}

/** Bits of the types that the file names. The widest is int32: what an unsigned one would hold, it holds with another zero point. */
const WIDTHS: readonly number[] = [2, 4, 8, 16, 32];
const WIDEST = 32;

type BlockEncodings = NamedEncodings & { granularity: Granularity & { kind: 'block' } };

/** AIMET's format 2.0.0: one flat list, in ONNX's words. Tensors in a floating-point format have no entry; who reads the file takes what has none for float. */
export const encodings200: EncodingsWriter = {
  write({ activations, parameters }: EncodingsContent) {
    return { version: '2.0.0', encodings: [...activations, ...parameters].flatMap(record) };
  },

  lacks(content) {
    if (content.kind === 'float') return null;
    const { bitwidth, symmetry } = content.grid;
    if (!WIDTHS.includes(bitwidth)) return `a ${bitwidth}-bit grid`;
    return symmetry === 'strict-symmetric' ? 'a strict-symmetric grid' : null;
  },
};

function record(content: NamedContent): Record200[] {
  if (content.kind === 'float') return [];
  const { tensor, grid, granularity, encodings } = content;
  const lowest = isSigned(content) ? -(2 ** (grid.bitwidth - 1)) : 0;
  const zeroPoints = encodings.map(encoding => toAffine(encoding, lowest).zeroPoint);
  const inPlace = (numbers: readonly number[]): Numbers => {
    if (granularity.kind === 'block') return nested({ ...content, granularity }, numbers);
    return granularity.kind === 'channel' ? numbers : numbers[0]!;
  };
  return [{
    name: tensor,
    output_dtype: `${lowest === 0 ? 'uint' : 'int'}${grid.bitwidth}`,
    ...(granularity.kind === 'tensor' ? {} : { axis: granularity.axis }),
    ...(granularity.kind === 'block' ? { block_size: granularity.blockSize } : {}),
    ...scales(content, inPlace),
    ...(zeroPoints.every(zeroPoint => zeroPoint === 0) ? {} : { y_zero_point: inPlace(zeroPoints) }),
  }];
}

/** Signed types are for symmetric grids, and for 32 bits. */
function isSigned({ grid: { bitwidth, symmetry }, encodings }: NamedEncodings): boolean {
  return bitwidth === WIDEST || (symmetry !== 'asymmetric' && encodings.every(({ offset }) => offset === -(2 ** (bitwidth - 1))));
}

function scales(content: NamedEncodings, inPlace: (numbers: readonly number[]) => Numbers): Pick<Record200, 'y_scale' | 'per_block_int_scale' | 'per_channel_float_scale'> {
  const { granularity, encodings } = content;
  if (granularity.kind !== 'block' || granularity.decompressedBitwidth === null) return { y_scale: inPlace(encodings.map(({ delta }) => delta)) };
  const { deltas, multiples } = channelMultiples({ ...content, granularity }, granularity.decompressedBitwidth);
  return { per_block_int_scale: inPlace(multiples), per_channel_float_scale: nested({ ...content, granularity }, deltas) };
}

/** Numbers of channels, or of their blocks, in the tensor's rank. */
function nested({ dims, granularity: { axis, channelAxis } }: BlockEncodings, numbers: readonly number[]): Numbers {
  const channels = dims[channelAxis]!;
  const blocks = numbers.length / channels;
  const at = (depth: number, channel: number, block: number): Numbers => {
    if (depth === dims.length) return numbers[channel * blocks + block]!;
    const size = depth === channelAxis ? channels : depth === axis ? blocks : 1;
    return Array.from({ length: size }, (_, i) => at(depth + 1, depth === channelAxis ? i : channel, depth === axis ? i : block));
  };
  return at(0, 0, 0);
}
