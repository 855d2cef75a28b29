import { QuantpipeError } from '../base/errors.ts';
import { type BlockMultiples, blockMultiples, largestMultiple } from '../quant/lpbq.ts';
import type { NamedEncodings } from './encodings-content.ts';

/** Deltas and multiples give a block's delta back within this share: what rounding in float64 takes away, and less than any other multiple. */
const ROUNDING = 1e-9;

/**
 * The deltas of channels and the multiples of blocks, as files have them.
 *
 * @throws QuantpipeError `statistics-invalid` where the blocks do not lie on such a grid: their encodings came from elsewhere
 */
export function channelMultiples({ tensor, grid, dims, granularity, encodings }: NamedEncodings & { granularity: { kind: 'block' } }, decompressedBitwidth: number): BlockMultiples {
  const found = blockMultiples(encodings, dims[granularity.channelAxis]!, decompressedBitwidth);
  const blocks = encodings.length / found.deltas.length;
  encodings.forEach(({ delta }, block) => {
    const channel = Math.floor(block / blocks);
    const stored = found.multiples[block]! * found.deltas[channel]!;
    if (Math.abs(stored - delta) <= ROUNDING * delta) return;
    throw new QuantpipeError('statistics-invalid',
      `'${tensor}': delta ${delta} of block ${block % blocks} in channel ${channel} is no whole multiple of ${found.deltas[channel]!}, ` +
      `the ${largestMultiple(grid.bitwidth, decompressedBitwidth)}th part of the channel's largest`, { tensor });
  });
  return found;
}
