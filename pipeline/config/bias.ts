import { floatOf } from '../graph/attribute.ts';
import type { Graph } from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { splitOf } from '../quant/granularity.ts';
import { reasonForFloat } from './left-in-float.ts';
import { isDerivedBias } from './weights.ts';
import { constantParameters } from './params.ts';
import type { BiasQuantizer, Quantizer } from './placement.ts';

/**
 * The int32 biases that follow from their neighbours: the constant bias of a Conv, ConvTranspose or Gemm whose activation and weight both have
 * quantizers. There must be a bias for every channel of the weight, or one weight channel; and the product must not be scaled.
 */
export function placeBiases(graph: Graph, quantizers: ReadonlyMap<string, Quantizer>): BiasQuantizer[] {
  return graph.nodes.filter(node => reasonForFloat(node) === null).flatMap(node => {
    const found = constantParameters(node).find(({ parameter }) => isDerivedBias(node, parameter));
    const bias = found?.value;
    const input = quantizers.get(node.inputs[0]?.name ?? '');
    const weight = quantizers.get(node.inputs[1]?.name ?? '');
    if (bias === undefined || input === undefined || weight?.role !== 'weight' || input.role === 'weight') return [];
    if (quantizers.has(bias.name) || bias.initializer!.dtype !== 'float32' || bias.initializer!.dims.length !== 1 || isScaled(node)) return [];
    const { channels } = splitOf(node.inputs[1]!.initializer!.dims, weight.granularity);
    if (channels !== 1 && channels !== bias.initializer!.dims[0]) return [];
    return [{ tensor: bias.name, input: input.tensor, weight: weight.tensor, node: node.label }];
  });
}

function isScaled(node: Node): boolean {
  return node.opType === 'Gemm' && (floatOf(node, 'alpha', 1) !== 1 || floatOf(node, 'beta', 1) !== 1);
}
