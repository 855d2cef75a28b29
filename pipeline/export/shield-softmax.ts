import { intOf } from '../graph/attribute.ts';
import type { Graph } from '../graph/graph.ts';
import { scalarOf } from '../graph/match.ts';
import type { Node } from '../graph/node.ts';
import { isDequantized, shield } from './shield-float-weights.ts';

/** The largest exponential of ONNX Runtime's integer Softmax over n elements is the largest float32 / (n e^5); a little less, as its rounding may add. */
const ROOM = Math.exp(5) * (1 - 2 ** -10);
/** Elements along an axis whose length is known only at run time. To provide for 1 would take the integer Softmax from every attention of such a length. */
const FEWEST = 2;

/**
 * Keep ONNX Runtime from making an integer Softmax where that would overflow. The engine multiplies every exponential by floor(1 / output
 * scale) before it divides by their sum, in float32: over few elements, with an output that stays well below 1, the products are infinite
 * and the codes arbitrary. And its int8 form wraps codes above 127, where the uint8 one saturates. Such a Softmax reads its input through a
 * Max of one operand, and is computed in float.
 *
 * @see onnxruntime, contrib_ops/cpu/quantization/qlinear_softmax.cc, QlinearBuildLookupTableUint32 and QlinearSoftmaxCPU
 */
export function shieldSoftmax(graph: Graph): { rewrites: number } {
  const overflowing = graph.nodes.filter(node => node.opType === 'Softmax' && node.domain === '' && isDequantized(node.inputs[0]) && overflows(node));
  for (const node of overflowing) shield(graph, node);
  return { rewrites: overflowing.length };
}

function overflows(node: Node): boolean {
  const dim = node.inputs[0]!.type?.shape?.at(intOf(node, 'axis', -1));
  const elements = typeof dim === 'number' ? dim : FEWEST;
  return node.outputs[0]!.uses.some(({ node: { opType, inputs: [, scale, zeroPoint] } }) => {
    const step = opType === 'QuantizeLinear' && scale ? scalarOf(scale) : null;
    if (step === null) return false;
    const factor = Math.floor(Math.fround(1 / step));
    return factor > ROOM * elements || wraps(zeroPoint?.initializer?.read().data, factor);
  });
}

/** Whether the code of probability 1 lies beyond int8. */
function wraps(zeroPoint: unknown, factor: number): boolean {
  return zeroPoint instanceof Int8Array && factor + zeroPoint[0]! > 127;
}
