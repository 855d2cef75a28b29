import type { EncodingTable, FloatQuantizer, Placement, Quantizer } from '../config/placement.ts';
import type { Graph } from '../graph/graph.ts';
import type { Encoding } from '../quant/encoding.ts';
import { axisIn, type Granularity } from '../quant/granularity.ts';
import type { Grid } from '../quant/grid.ts';
import { biasEncodings } from './bias-encodings.ts';
import { encodingsOf } from './insert-quantizer.ts';

/** The encodings of one tensor under its name in `model.onnx`, or in the user's model. */
export interface NamedEncodings {
  readonly kind: 'integer';
  readonly tensor: string;
  readonly grid: Grid;
  /** Axes count from the front. */
  readonly granularity: Granularity;
  /** Of the constant; empty for an activation, which has one encoding. */
  readonly dims: readonly number[];
  readonly encodings: readonly Encoding[];
}

/** A tensor in a floating-point format of 16 bits. */
export interface NamedFormat {
  readonly kind: 'float';
  readonly tensor: string;
  readonly format: FloatQuantizer['format'];
}

export type NamedContent = NamedEncodings | NamedFormat;

/** How the encodings came about, as a file's `quantizer_args` tell it. */
export interface QuantizerArgs {
  readonly activationBits: number;
  readonly weightBits: number;
  /** float where no tensor is on a grid of integers. */
  readonly dtype: 'int' | 'float';
  /** Whether weights are symmetric. */
  readonly isSymmetric: boolean;
  readonly isPerChannel: boolean;
  /** The scheme of activations, in AIMET's spelling. */
  readonly scheme: string;
}

/** What every version of the encodings file says, before it takes that version's form. */
export interface EncodingsContent {
  readonly activations: readonly NamedContent[];
  /** Weights, then biases. */
  readonly parameters: readonly NamedContent[];
  readonly quantizerArgs: QuantizerArgs;
  readonly excludedLayers: readonly string[];
}

/** One version of the encodings file. */
export interface EncodingsWriter {
  readonly write: (content: EncodingsContent) => unknown;
  /** What of a tensor the version has no words for: 'blocks', 'a 6-bit grid'; null where it has words for everything. Before there are encodings, as far as grid and granularity tell. */
  readonly lacks: (content: NamedContent) => string | null;
}

/** Collect what an encodings file says. Everything is in the order of the placement, which is that of the graph. */
export function encodingsContent(graph: Graph, placement: Placement, encodings: EncodingTable, scheme: string): EncodingsContent {
  const { quantizers, floats, float } = placement;
  const named = (role: Quantizer['role']) => quantizers.filter(quantizer => quantizer.role === role && !isMovedConstant(quantizer))
    .map(quantizer => namedEncodings(graph, quantizer, encodings));
  const formats = (role: Quantizer['role']) => floats.filter(quantizer => quantizer.role === role)
    .map(({ tensor, format }): NamedFormat => ({ kind: 'float', tensor, format }));
  return {
    activations: [...named('activation'), ...formats('activation')].flatMap(content => underBothNames(graph, content)),
    parameters: [...named('weight'), ...biasEncodings(graph, placement, encodings), ...formats('weight')],
    quantizerArgs: quantizerArgs(placement, scheme),
    excludedLayers: float.filter(({ kind }) => kind === 'node').map(({ name }) => name),
  };
}

/** A half model's inputs and outputs are cast, and the file is for the user's model as well as for `model.onnx`: it has both names. */
function underBothNames(graph: Graph, content: NamedContent): NamedContent[] {
  const former = graph.values.get(content.tensor)?.formerName ?? null;
  return former === null ? [content] : [{ ...content, tensor: former }, content];
}

/** Activations have one encoding. What data movement makes of a weight per channel lies on that weight's grids, and a file says so at the weight. */
export function isMovedConstant({ role, granularity }: Quantizer): boolean {
  return role === 'activation' && granularity.kind !== 'tensor';
}

function namedEncodings(graph: Graph, { tensor, grid, granularity }: Quantizer, encodings: EncodingTable): NamedEncodings {
  const dims = graph.values.get(tensor)?.initializer?.dims ?? [];
  return { kind: 'integer', tensor, grid, granularity: counted(granularity, dims), dims, encodings: encodingsOf(encodings, tensor) };
}

function counted(granularity: Granularity, dims: readonly number[]): Granularity {
  if (granularity.kind === 'tensor') return granularity;
  const axis = axisIn(dims, granularity.axis);
  return granularity.kind === 'channel' ? { ...granularity, axis } : { ...granularity, axis, channelAxis: axisIn(dims, granularity.channelAxis) };
}

export const isSymmetric = ({ symmetry }: Grid): boolean => symmetry !== 'asymmetric';

/** What tensors without a quantizer have. */
const FLOAT_BITS = 32;

/** What holds for most: the bit-widths and kinds of the first activation and of the first weight stand for all. */
function quantizerArgs({ quantizers, floats }: Placement, scheme: string): QuantizerArgs {
  const activation = quantizers.find(({ role }) => role === 'activation')?.grid;
  const weight = quantizers.find(({ role }) => role === 'weight')?.grid;
  const bitsWithout = (role: Quantizer['role']) => floats.some(quantizer => quantizer.role === role) ? 16 : FLOAT_BITS;
  return {
    activationBits: activation?.bitwidth ?? bitsWithout('activation'),
    weightBits: weight?.bitwidth ?? bitsWithout('weight'),
    dtype: quantizers.length === 0 ? 'float' : 'int',
    isSymmetric: weight === undefined || isSymmetric(weight),
    isPerChannel: quantizers.some(({ role, granularity }) => role === 'weight' && granularity.kind !== 'tensor'),
    scheme: scheme.replaceAll('-', '_'),
  };
}
