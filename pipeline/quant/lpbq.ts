import { check } from '../base/check.ts';
import { QuantpipeError } from '../base/errors.ts';
import type { Encoding } from './encoding.ts';
import { channelCount, type DividedTensor } from './granularity.ts';
import { steps } from './grid.ts';
import { roundHalfEven } from './stored.ts';

/** Deltas of blocks as whole multiples of one delta a channel: what low-power blockwise quantization (LPBQ) stores. */
export interface BlockMultiples {
  /** One per channel. */
  readonly deltas: readonly number[];
  /** One per block, channel by channel: 1 … {@link largestMultiple}. */
  readonly multiples: readonly number[];
}

/** K: how many times a channel's delta the delta of a block may be, so that codes times multiples fit the decompressed bit-width. */
export function largestMultiple(bitwidth: number, decompressedBitwidth: number): number {
  if (decompressedBitwidth < bitwidth) {
    throw new QuantpipeError('config-invalid', `weights of ${bitwidth} bits decompress to at least as many bits, got ${decompressedBitwidth}`);
  }
  return 2 ** (decompressedBitwidth - bitwidth);
}

/**
 * Put the deltas of blocks on the grid of their channel: the channel's delta is the K-th part of its largest block's, every block's the
 * nearest multiple of that, at least one.
 *
 *     channel delta = max(block deltas) / K,   multiple = clip(round(block delta / channel delta), 1, K)
 *
 * @param encodings of blocks, symmetric, channel by channel
 * @see AIMET, GroupedBlockQuantizeDequantize
 */
export function groupBlocks(encodings: readonly Encoding[], channels: number, decompressedBitwidth: number): Encoding[] {
  const { deltas, multiples } = blockMultiples(encodings, channels, decompressedBitwidth);
  const blocks = encodings.length / channels;
  return encodings.map((encoding, i) => {
    const delta = multiples[i]! * deltas[Math.floor(i / blocks)]!;
    return { ...encoding, delta, min: delta * encoding.offset, max: delta * (steps(encoding.grid) + encoding.offset) };
  });
}

/** The deltas of channels and the multiples of {@link groupBlocks}; of blocks that lie on their channel's grid already, those they have. */
export function blockMultiples(encodings: readonly Encoding[], channels: number, decompressedBitwidth: number): BlockMultiples {
  const blocks = encodings.length / channels;
  check(Number.isInteger(blocks) && blocks > 0, `${encodings.length} blocks in ${channels} channels`);
  const largest = largestMultiple(encodings[0]!.grid.bitwidth, decompressedBitwidth);
  const deltas = Array.from({ length: channels }, (_, channel) => {
    const own = encodings.slice(channel * blocks, (channel + 1) * blocks);
    return own.reduce((most, { delta }) => Math.max(most, delta), 0) / largest;
  });
  const multiples = encodings.map(({ delta }, i) => Math.max(1, roundHalfEven(delta / deltas[Math.floor(i / blocks)]!))); // the largest delta has the largest multiple
  return { deltas, multiples };
}

/** Deltas and multiples give a block's delta back within this share: what rounding in float64 takes away, and less than any other multiple. */
const ROUNDING = 1e-9;

/**
 * The deltas of channels and the multiples of blocks, as files have them: where the blocks allow, the largest multiple of a channel is the largest
 * there is, as AIMET finds them.
 *
 * @throws QuantpipeError `encodings-invalid` where the blocks of a channel are no whole multiples of anything: their encodings came from elsewhere
 */
export function channelMultiples({ tensor, dims, granularity, encodings }: DividedTensor, decompressedBitwidth: number): BlockMultiples {
  const channels = channelCount(dims, granularity);
  const blocks = encodings.length / channels;
  const largest = largestMultiple(encodings[0]!.grid.bitwidth, decompressedBitwidth);
  const found = Array.from({ length: channels }, (_, channel) => {
    const deltas = encodings.slice(channel * blocks, (channel + 1) * blocks).map(({ delta }) => delta);
    const multiples = multiplesOf(deltas, largest);
    if (multiples !== null) return multiples;
    throw new QuantpipeError('encodings-invalid',
      `'${tensor}': the deltas of channel ${channel}, ${Math.min(...deltas)} to ${Math.max(...deltas)}, are not 1 to ${largest} times one delta, as multiples (LPBQ) must be`, { tensor });
  });
  return { deltas: found.map(({ delta }) => delta), multiples: found.flatMap(({ multiples }) => multiples) };
}

/** The smallest delta of which all are whole multiples, up to `largest`; null where there is none. */
function multiplesOf(deltas: readonly number[], largest: number): { readonly delta: number; readonly multiples: number[] } | null {
  const most = Math.max(...deltas);
  for (let multiple = largest; multiple >= 1; multiple--) {
    const delta = most / multiple;
    const multiples = deltas.map(own => roundHalfEven(own / delta));
    if (multiples.every((times, block) => Math.abs(times * delta - deltas[block]!) <= ROUNDING * deltas[block]!)) return { delta, multiples };
  }
  return null;
}
