import { elementCount } from '../base/tensor.ts';
import { floatOf } from '../graph/attribute.ts';
import type { Graph } from '../graph/graph.ts';
import type { Initializer, Node } from '../graph/node.ts';
import { splitOf } from '../quant/granularity.ts';
import { WIDEST_STORED } from '../quant/stored.ts';
import { reasonForFloat } from './left-in-float.ts';
import { constantParameters } from './params.ts';
import type { BiasQuantizer, Quantizer } from './placement.ts';
import { isDerivedBias } from './weights.ts';

/**
 * The int32 biases that follow from their neighbours: the constant bias of a Conv, ConvTranspose or Gemm whose activation and weight both have
 * quantizers. Every element must belong to one weight channel, and the product must not be scaled. Blocks have no step per channel, and
 * products of more than 16 bits are not added up in int32: those biases stay in float.
 */
export function placeBiases(graph: Graph, quantizers: ReadonlyMap<string, Quantizer>): BiasQuantizer[] {
  return graph.nodes.filter(node => reasonForFloat(node) === null).flatMap(node => {
    const bias = constantParameters(node).find(({ parameter }) => isDerivedBias(node, parameter))?.value;
    const input = quantizers.get(node.inputs[0]?.name ?? '');
    const weight = quantizers.get(node.inputs[1]?.name ?? '');
    if (bias === undefined || input === undefined || weight?.role !== 'weight') return [];
    if (quantizers.has(bias.name) || bias.initializer!.dtype !== 'float32' || isScaled(node)) return [];
    if (weight.granularity.kind === 'block' || [input, weight].some(({ grid }) => grid.bitwidth > WIDEST_STORED)) return [];
    const { encodings } = splitOf(node.inputs[1]!.initializer!.dims, weight.granularity);
    return fits(bias.initializer!, encodings) ? [{ tensor: bias.name, input: input.tensor, weight: weight.tensor, node: node.label }] : [];
  });
}

/** Along its last dimension, a bias has the weight's channels once, or once for every group. */
function fits({ dims }: Initializer, channels: number): boolean {
  const last = dims.at(-1) ?? 1;
  return elementCount(dims) === last && last % channels === 0;
}

function isScaled(node: Node): boolean {
  return node.opType === 'Gemm' && (floatOf(node, 'alpha', 1) !== 1 || floatOf(node, 'beta', 1) !== 1);
}
