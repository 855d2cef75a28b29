import { QuantpipeError } from '../base/errors.ts';
import type { Model } from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';

/** Operators that exist only in quantized models, in the standard domain and in ONNX Runtime's. */
const quantized = /^(QuantizeLinear|DequantizeLinear|DynamicQuantize\w+|QLinear\w+|QGemm|QAttention|QMoE|ConvInteger|MatMulInteger\w*|MatMulNBits|MatMulBnb4|GatherBlockQuantized)$/;

/** Throw `model-quantized` for a model that holds quantized operators already: its ranges are decided. */
export function refuseQuantized({ graph }: Model): void {
  const found = graph.nodes.filter(isQuantized);
  const [first] = found;
  if (first === undefined) return;
  throw new QuantpipeError('model-quantized',
    `the model is quantized already: ${found.length} of its ${graph.nodes.length} nodes are quantized operators, the first is ${first.label}`,
    { node: first.label, operator: first.opType });
}

function isQuantized({ opType, domain }: Node): boolean {
  return (domain === '' || domain === 'com.microsoft') && quantized.test(opType);
}
