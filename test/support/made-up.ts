import type { EncodingTable, Placement } from '../../pipeline/config/placement.ts';
import type { Graph } from '../../pipeline/graph/graph.ts';
import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { splitOf } from '../../pipeline/quant/granularity.ts';

/** An encoding of a made-up range for everything that a placement has, where what a model computes is not looked at, or need not be good. */
export function madeUpEncodings({ values }: Graph, { quantizers }: Placement, range: (tensor: string) => number = () => 1): EncodingTable {
  return new Map(quantizers.map(({ tensor, grid, granularity }) => {
    const { encodings: count } = splitOf(values.get(tensor)?.initializer?.dims ?? [], granularity);
    const isLpbq = granularity.kind === 'block' && granularity.decompressedBitwidth !== null; // deltas are multiples of one another
    return [tensor, Array.from({ length: count }, (_, i) => fitEncoding(-range(tensor) - (isLpbq ? 0 : i / 64), range(tensor), grid))] as const;
  }));
}
