import { intOf } from '../graph/attribute.ts';
import type { Graph } from '../graph/graph.ts';
import { scalarOf } from '../graph/match.ts';
import type { Node } from '../graph/node.ts';
import { isDequantized, shield } from './shield-weights.ts';
import { holdSingleElement } from './single-softmax.ts';

/** The largest exponential of ONNX Runtime's integer Softmax over n elements is the largest float32 / (n e^5); a little less, as its rounding may add. */
const ROOM = Math.exp(5) * (1 - 2 ** -10);
/** Elements along an axis whose length is known only at run time. To provide for 1 in float would take the integer Softmax from every attention of such a length: see single-softmax.ts. */
const FEWEST = 2;

/**
 * Keep ONNX Runtime from making an integer Softmax where that would overflow. The engine multiplies every exponential by floor(1 / output
 * scale) before it divides by their sum, in float32: over few elements, with an output that stays well below 1, the products are infinite
 * and the codes arbitrary. And its int8 form wraps codes above 127, where the uint8 one saturates. Such a Softmax reads its input through a
 * Max of one operand, and is computed in float. One that would overflow only if its axis had one element keeps its integer kernel.
 *
 * @see onnxruntime, contrib_ops/cpu/quantization/qlinear_softmax.cc, QlinearBuildLookupTableUint32 and QlinearSoftmaxCPU
 */
export function shieldSoftmax(graph: Graph): { rewrites: number } {
  let rewrites = 0;
  for (const node of graph.nodes.filter(node => node.opType === 'Softmax' && node.domain === '' && isDequantized(node.inputs[0]))) {
    const axis = intOf(node, 'axis', -1);
    const length = node.inputs[0]!.type?.shape?.at(axis);
    const elements = typeof length === 'number' ? length : null;
    const quantizers = node.outputs[0]!.uses.map(({ node: reader }) => reader).filter(isByteQuantizer);
    const overflowing = (elements: number) => quantizers.filter(quantizer => overflows(quantizer, elements));
    if (overflowing(elements ?? FEWEST).length > 0) shield(graph, node);
    else if (elements !== null || overflowing(1).length === 0) continue;
    else for (const quantizer of overflowing(1)) holdSingleElement(graph, node, axis, quantizer);
    rewrites++;
  }
  return { rewrites };
}

/** Whether a node is a QuantizeLinear of one step to 8 bits, as the integer Softmax has behind it. */
function isByteQuantizer({ opType, inputs: [, scale, zeroPoint] }: Node): boolean {
  const dtype = zeroPoint?.initializer?.dtype;
  return opType === 'QuantizeLinear' && scale != null && scalarOf(scale) !== null && (dtype === 'uint8' || dtype === 'int8');
}

/** Whether the integer Softmax over so many elements overflows before this QuantizeLinear. */
function overflows({ inputs: [, scale, zeroPoint] }: Node, elements: number): boolean {
  const factor = Math.floor(Math.fround(1 / scalarOf(scale!)!));
  return factor > ROOM * elements || wraps(zeroPoint!.initializer!.read().data, factor);
}

/** Whether the code of probability 1 lies beyond int8. */
function wraps(zeroPoint: unknown, factor: number): boolean {
  return zeroPoint instanceof Int8Array && factor + zeroPoint[0]! > 127;
}
