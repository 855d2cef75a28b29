import { PER_TENSOR, type Granularity } from '../../pipeline/quant/granularity.ts';
import { type Grid, grid } from '../../pipeline/quant/grid.ts';
import { fitEncoding, type Encoding } from '../../pipeline/quant/encoding.ts';
import { type BiasQuantizer, type EncodingTable, type Placement, type Quantizer, type Rule } from '../../pipeline/config/placement.ts';

/** A quantizer with its ranges: one [min, max], or one per channel or block. */
export interface QuantizerSketch {
  readonly tensor: string;
  readonly role?: Quantizer['role'];
  readonly grid?: Grid;
  readonly axis?: number;
  /** Where `axis` does not say it. */
  readonly granularity?: Granularity;
  readonly group?: string;
  readonly ranges: readonly (readonly [min: number, max: number])[];
}

const rule: Rule = { section: 'defaults', path: 'defaults.ops.is_output_quantized' };

/** A placement and its encodings, drawn by hand. Activations are asymmetric and weights symmetric, at 8 bits, where nothing is said. */
export function placementOf(sketches: readonly QuantizerSketch[], biases: readonly Omit<BiasQuantizer, 'granularity'>[] = []): { placement: Placement; encodings: EncodingTable } {
  const quantizers = sketches.map((sketch): Quantizer => {
    const { tensor, role = 'activation', axis, group = tensor } = sketch;
    const granularity: Granularity = sketch.granularity ?? (axis === undefined ? PER_TENSOR : { kind: 'channel', axis });
    return { tensor, role, grid: gridOf(sketch), granularity, group, observed: role === 'weight' ? [] : [group], constraint: null, rule };
  });
  const encodings = new Map(sketches.map(sketch => [sketch.tensor, sketch.ranges.map(([min, max]): Encoding => fitEncoding(min, max, gridOf(sketch)))]));
  const granularityOf = (weight: string): Granularity => quantizers.find(({ tensor }) => tensor === weight)!.granularity;
  return { placement: { quantizers, biases: biases.map(bias => ({ ...bias, granularity: granularityOf(bias.weight) })), floats: [], untied: [], undivided: [], units: [], float: [], warnings: [] }, encodings };
}

function gridOf({ role = 'activation', grid: drawn }: QuantizerSketch): Grid {
  return drawn ?? grid(8, role === 'weight' ? 'symmetric' : 'asymmetric');
}
