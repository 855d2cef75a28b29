import { type Attribute, intAttribute } from '../../pipeline/graph/attribute.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { buildModel, type NodeLine, weight } from '../support/graphs.ts';
import { placementOf, type QuantizerSketch } from '../support/placements.ts';

/** A node named after its operator and first output. */
export function node(op: string, reads: readonly string[], out: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): NodeLine {
  return { op, in: reads, out, name: `${op}_${out[0]}`, attributes };
}

/** The operators of a model in order. */
export const operators = ({ graph }: Model): string[] => graph.nodes.map(({ opType }) => opType);

/** One operator x → y and a Neg behind it. */
export function unary(opType: string, sketches: readonly QuantizerSketch[], constants = {}, more: readonly string[] = []) {
  const model = buildModel({ opset: 13, inputs: { x: ['N', 4] }, weights: constants, nodes: [node(opType, ['x', ...more], ['y']), node('Neg', ['y'], ['z'])], outputs: { z: null } });
  return { model, ...placementOf(sketches) };
}

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

/** Blocks of two along `axis`; LPBQ where they decompress to 8 bits. */
const blocks = (axis: 0 | 1, decompressedBitwidth: number | null = null) => ({ kind: 'block' as const, axis, blockSize: 2, channelAxis: 1 - axis, decompressedBitwidth });
const fourBits = grid(4, 'symmetric');

/** Products of one input with weights of every granularity, whose four-bit steps are whole numbers of thousandths. */
const quantizersOfEveryKind: readonly QuantizerSketch[] = [
  { tensor: 'x', grid: grid(16), ranges: [[-1, 1.5]] },
  { tensor: 'whole', role: 'weight', grid: fourBits, ranges: [[-0.07, 0.07]] },
  { tensor: 'channels', role: 'weight', grid: grid(8, 'unsigned-symmetric'), axis: 0, ranges: [[0, 2.55], [-1.27, 1]] },
  { tensor: 'blocks', role: 'weight', grid: fourBits, granularity: blocks(1), ranges: [[-0.07, 0], [-0.14, 0], [-0.21, 0], [-0.28, 0]] },
  { tensor: 'columns', role: 'weight', grid: grid(4), granularity: blocks(0), ranges: [[-0.07, 0.08], [-0.1, 0.2], [-0.15, 0], [0, 0.3]] },
  { tensor: 'multiples', role: 'weight', grid: fourBits, granularity: blocks(1, 8), ranges: [[-0.112, 0], [-0.042, 0], [-0.126, 0], [-0.224, 0]] },
];
const notIn061: readonly string[] = ['blocks', 'columns', 'multiples'];

/** A model, a placement and encodings with all that a version has words for, or with the tensors named. */
export function everyGranularity(version: '0.6.1' | '1.0.0' | '2.0.0', names?: readonly string[]) {
  const model = buildModel({
    opset: 21,
    inputs: { x: ['N', 4], half: ['N', 2] },
    weights: Object.fromEntries(['whole', 'channels', 'blocks', 'columns', 'multiples'].map((name, seed) => [name, weight(name === 'columns' ? [4, 2] : [2, 4], { seed, min: -0.2, max: 0.2 })])),
    nodes: [
      ...['whole', 'channels', 'blocks', 'multiples'].map(name => node('Gemm', ['x', name], [`by_${name}`], { transB: intAttribute(1) })),
      node('MatMul', ['x', 'columns'], ['by_columns']),
      node('Sum', ['by_whole', 'by_channels', 'by_blocks', 'by_columns', 'by_multiples', 'half'], ['y']),
    ],
    outputs: { y: ['N', 2] },
  });
  const { placement, encodings } = placementOf(quantizersOfEveryKind.filter(({ tensor }) => names?.includes(tensor) ?? (version !== '0.6.1' || !notIn061.includes(tensor))));
  const rule = { section: 'defaults', path: 'defaults.ops.is_output_quantized' } as const;
  const floats = names !== undefined && !names.includes('half') ? [] : [{ tensor: 'half', role: 'activation' as const, format: 'float16' as const, rule }];
  return { model, placement: { ...placement, floats }, encodings };
}
