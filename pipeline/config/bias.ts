import { listed } from '../base/listed.ts';
import { elementCount } from '../base/tensor.ts';
import { floatOf } from '../graph/attribute.ts';
import type { Initializer, Node, Value } from '../graph/node.ts';
import { channelCount } from '../quant/granularity.ts';
import { WIDEST_STORED } from '../quant/stored.ts';
import type { LayerBias } from './layer-bias.ts';
import { reasonForFloat } from './left-in-float.ts';
import type { BiasQuantizer, FloatQuantizer, LeftInFloat, Quantizer } from './placement.ts';

/** The biases of layers: those that follow from their neighbours, and those that stay in float, with the reason. */
export interface PlacedBiases {
  readonly biases: readonly BiasQuantizer[];
  readonly float: readonly LeftInFloat[];
}

/**
 * The int32 biases that follow from their neighbours: the constant bias of a Conv, ConvTranspose, Gemm, or MatMul and Add in one unit, whose
 * activation and weight both have quantizers. Every element must belong to one weight channel, and the product must not be scaled. Products of
 * more than 16 bits are not added up in int32: those biases stay in float, and so do the ones that are switched off.
 *
 * As AIMET has it, a bias is a parameter of its layer and no operand of whoever else reads it: that one computes with its float values, see
 * {@link sharedBiasWarnings}. Only one that is a weight of another operator has the encoding of that, for all.
 */
export function placeBiases(
  layers: readonly LayerBias[], quantizers: ReadonlyMap<string, Quantizer>, switchedOff: (bias: Value) => string | null = () => null, floats: readonly FloatQuantizer[] = [],
): PlacedBiases {
  const formats = new Map(floats.map(({ tensor, format }) => [tensor, format]));
  const biases: BiasQuantizer[] = [];
  const float = new Map<string, LeftInFloat>();
  for (const { value: bias, adds, multiplies } of layers) {
    if (reasonForFloat(multiplies) !== null || quantizers.has(bias.name) || bias.initializer!.dtype !== 'float32') continue;
    const [input, weight] = [0, 1].map(index => quantizers.get(multiplies.inputs[index]?.name ?? ''));
    const reason = switchedOff(bias) ?? reasonForFormat(multiplies, formats) ?? reasonForFloatBias(multiplies, bias.initializer!, input, weight);
    if (reason === null) biases.push({ tensor: bias.name, input: input!.tensor, weight: weight!.tensor, granularity: weight!.granularity, node: adds.label });
    else float.set(bias.name, { kind: 'tensor', name: bias.name, opType: 'initializer', reason });
  }
  return { biases, float: [...float.values()] };
}

/** Biases that others read beside their layers: what these compute with is not what the layer adds, or the layer adds a coarser one. A sentence for each. */
export function sharedBiasWarnings(layers: readonly LayerBias[], biases: readonly BiasQuantizer[], quantizers: ReadonlyMap<string, Quantizer>): string[] {
  const addedBy = new Map<Value, Node[]>();
  for (const { value, adds } of layers) addedBy.set(value, [...addedBy.get(value) ?? [], adds]);
  return [...addedBy].flatMap(([{ name, uses }, adders]) => {
    const others = [...new Set(uses.map(({ node }) => node))].filter(node => !adders.includes(node) && reasonForFloat(node) === null);
    const quantizer = quantizers.get(name);
    if (quantizer !== undefined) return [`bias '${name}' of ${adders[0]!.title} has ${quantizer.grid.bitwidth} bits and not 32: it is quantized as a weight of ${listed(others.map(({ title }) => title))}`];
    if (others.length === 0 || !biases.some(({ tensor }) => tensor === name)) return [];
    return [`bias '${name}' is int32 for ${adders[0]!.title}, whose parameter it is, and float for what else reads it: ${listed(others.map(({ title }) => title))}`];
  });
}

/** Products of floating-point formats have no step. */
function reasonForFormat({ inputs }: Node, formats: ReadonlyMap<string, string>): string | null {
  const [input, weight] = [0, 1].map(index => formats.get(inputs[index]?.name ?? ''));
  if (input !== undefined) return `a bias has the step of its products, and the activation beside it is in ${input}, which has none`;
  return weight === undefined ? null : `a bias has the step of its products, and the weight beside it is in ${weight}, which has none`;
}

/** Why a bias does not follow from its neighbours; null where it does. */
function reasonForFloatBias(node: Node, bias: Initializer, input: Quantizer | undefined, weight: Quantizer | undefined): string | null {
  if (input === undefined) return 'a bias has the step of its products, and the activation beside it is not quantized';
  if (weight?.role !== 'weight') return 'a bias has the step of its products, and the weight beside it is not quantized';
  if (isScaled(node)) return 'a bias has the step of its products, and here these are scaled by alpha or beta';
  if (Math.max(input.grid.bitwidth, widthOf(weight)) > WIDEST_STORED) return `products of more than ${WIDEST_STORED} bits are not added up in int32`;
  const channels = channelCount(node.inputs[1]!.initializer!.dims, weight.granularity);
  return fits(bias, channels) ? null : `its shape [${bias.dims.join(', ')}] does not give each of ${channels} weight channels its own element`;
}

/** Bits of what is multiplied: of LPBQ, what the codes decompress to. */
function widthOf({ grid, granularity }: Quantizer): number {
  return granularity.kind === 'block' ? granularity.decompressedBitwidth ?? grid.bitwidth : grid.bitwidth;
}

/** Along its last dimension, a bias has the weight's channels once, or once for every group. */
function fits({ dims }: Initializer, channels: number): boolean {
  const last = dims.at(-1) ?? 1;
  return elementCount(dims) === last && last % channels === 0;
}

function isScaled(node: Node): boolean {
  return node.opType === 'Gemm' && (floatOf(node, 'alpha', 1) !== 1 || floatOf(node, 'beta', 1) !== 1);
}
