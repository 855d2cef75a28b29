import type { BiasQuantizer, EncodingTable, Placement, Quantizer } from '../config/placement.ts';
import { biasScales } from '../quant/bias.ts';
import type { Encoding } from '../quant/encoding.ts';
import { type Grid, steps } from '../quant/grid.ts';
import { encodingsOf } from './insert-quantizer.ts';

/** The encodings of one tensor under its name in `model.onnx`. */
export interface NamedEncodings {
  readonly tensor: string;
  readonly isPerChannel: boolean;
  readonly encodings: readonly Encoding[];
}

/** How the encodings came about, as a file's `quantizer_args` tell it. */
export interface QuantizerArgs {
  readonly activationBits: number;
  readonly weightBits: number;
  /** Whether weights are symmetric. */
  readonly isSymmetric: boolean;
  readonly isPerChannel: boolean;
  /** The scheme of activations, in AIMET's spelling. */
  readonly scheme: string;
}

/** What every version of the encodings file says, before it takes that version's form. */
export interface EncodingsContent {
  readonly activations: readonly NamedEncodings[];
  /** Weights, then biases. */
  readonly parameters: readonly NamedEncodings[];
  readonly quantizerArgs: QuantizerArgs;
  readonly excludedLayers: readonly string[];
}

/** Collect what an encodings file says. Everything is in the order of the placement, which is that of the graph. */
export function encodingsContent(placement: Placement, encodings: EncodingTable, scheme: string): EncodingsContent {
  const named = (role: Quantizer['role']) => placement.quantizers.filter(quantizer => quantizer.role === role)
    .map(({ tensor, granularity }) => ({ tensor, isPerChannel: granularity.kind !== 'tensor', encodings: encodingsOf(encodings, tensor) }));
  return {
    activations: named('activation'),
    parameters: [...named('weight'), ...biasEncodings(placement, encodings)],
    quantizerArgs: quantizerArgs(placement, scheme),
    excludedLayers: placement.float.filter(({ kind }) => kind === 'node').map(({ name }) => name),
  };
}

/** A bias that several nodes share has one step per node; a file with one entry per name cannot say so, and says nothing. */
export function biasEncodings({ biases, quantizers }: Placement, encodings: EncodingTable): NamedEncodings[] {
  const readers = new Map<string, BiasQuantizer[]>();
  for (const bias of biases) readers.set(bias.tensor, [...readers.get(bias.tensor) ?? [], bias]);
  const granularity = new Map(quantizers.map(quantizer => [quantizer.tensor, quantizer.granularity.kind]));
  return [...readers.values()].filter(sharing => sharing.length === 1).map(([bias]) => {
    const { tensor, input, weight } = bias!;
    const scales = biasScales(encodingsOf(encodings, input)[0]!, encodingsOf(encodings, weight));
    return { tensor, isPerChannel: granularity.get(weight) !== 'tensor', encodings: Array.from(scales, biasEncoding) };
  });
}

const BIAS_GRID: Grid = { bitwidth: 32, symmetry: 'symmetric' };

function biasEncoding(delta: number): Encoding {
  const offset = -(2 ** 31);
  return { delta, offset, min: delta * offset, max: delta * (steps(BIAS_GRID) + offset), grid: BIAS_GRID };
}

export const isSymmetric = ({ symmetry }: Grid): boolean => symmetry !== 'asymmetric';

/** What holds for most: the bit-widths and kinds of the first activation and of the first weight stand for all. */
function quantizerArgs({ quantizers }: Placement, scheme: string): QuantizerArgs {
  const activation = quantizers.find(({ role }) => role === 'activation')?.grid;
  const weight = quantizers.find(({ role }) => role === 'weight')?.grid;
  return {
    activationBits: activation?.bitwidth ?? 8,
    weightBits: weight?.bitwidth ?? 8,
    isSymmetric: weight === undefined || isSymmetric(weight),
    isPerChannel: quantizers.some(({ role, granularity }) => role === 'weight' && granularity.kind === 'channel'),
    scheme: scheme.replaceAll('-', '_'),
  };
}
