import { type Attribute, intAttribute } from '../../pipeline/graph/attribute.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { buildModel, type NodeLine, weight } from '../support/graphs.ts';
import { placementOf } from '../support/placements.ts';

/** A node named after its operator and first output. */
export function node(op: string, reads: readonly string[], out: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): NodeLine {
  return { op, in: reads, out, name: `${op}_${out[0]}`, attributes };
}

/** The operators of a model in order. */
export const operators = ({ graph }: Model): string[] => graph.nodes.map(({ opType }) => opType);

/** Conv (per channel) and Relu as one unit, Flatten that keeps the encoding, Gemm (per tensor): every kind of place a quantizer has. */
export function smallNetwork() {
  const model = buildModel({
    opset: 13,
    inputs: { image: ['N', 1, 4, 4] },
    weights: {
      kernel: weight([2, 1, 3, 3], { seed: 1 }), shift: weight([2], { seed: 2 }),
      matrix: weight([3, 8], { seed: 3 }), offset: weight([3], { seed: 4 }),
    },
    nodes: [
      node('Conv', ['image', 'kernel', 'shift'], ['sum']),
      node('Relu', ['sum'], ['positive']),
      node('Flatten', ['positive'], ['flat']),
      node('Gemm', ['flat', 'matrix', 'offset'], ['logits'], { transB: intAttribute(1) }),
    ],
    outputs: { logits: ['N', 3] },
  });
  return {
    model,
    ...placementOf([
      { tensor: 'image', ranges: [[-1, 1.5]] },
      { tensor: 'kernel', role: 'weight', axis: 0, ranges: [[-2, 2], [-1.5, 2]] },
      { tensor: 'positive', ranges: [[0, 9]] },
      { tensor: 'flat', group: 'positive', ranges: [[0, 9]] },
      { tensor: 'matrix', role: 'weight', ranges: [[-2, 2]] },
      { tensor: 'logits', ranges: [[-30, 25]] },
    ], [
      { tensor: 'shift', input: 'image', weight: 'kernel', node: 'Conv_sum' },
      { tensor: 'offset', input: 'flat', weight: 'matrix', node: 'Gemm_logits' },
    ]),
  };
}
