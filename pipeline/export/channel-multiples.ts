import { QuantpipeError } from '../base/errors.ts';
import { type BlockMultiples, largestMultiple } from '../quant/lpbq.ts';
import { roundHalfEven } from '../quant/stored.ts';
import type { NamedEncodings } from './encodings-content.ts';

/** Deltas and multiples give a block's delta back within this share: what rounding in float64 takes away, and less than any other multiple. */
const ROUNDING = 1e-9;

/**
 * The deltas of channels and the multiples of blocks, as files have them: where the blocks allow, the largest multiple of a channel is the largest
 * there is, as AIMET finds them.
 *
 * @throws QuantpipeError `statistics-invalid` where the blocks of a channel are no whole multiples of anything: their encodings came from elsewhere
 */
export function channelMultiples({ tensor, grid, dims, granularity, encodings }: NamedEncodings & { granularity: { kind: 'block' } }, decompressedBitwidth: number): BlockMultiples {
  const channels = dims[granularity.channelAxis]!;
  const blocks = encodings.length / channels;
  const largest = largestMultiple(grid.bitwidth, decompressedBitwidth);
  const found = Array.from({ length: channels }, (_, channel) => {
    const deltas = encodings.slice(channel * blocks, (channel + 1) * blocks).map(({ delta }) => delta);
    const multiples = multiplesOf(deltas, largest);
    if (multiples !== null) return multiples;
    throw new QuantpipeError('statistics-invalid',
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
