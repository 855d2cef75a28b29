import { elementCount } from '../base/tensor.ts';
import { intOf } from '../graph/attribute.ts';
import { addValue, insertBefore, setInput } from '../graph/edit.ts';
import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';

/** Operators whose float weights ONNX Runtime quantizes by itself, to 8 bits, between a DequantizeLinear and a QuantizeLinear. */
const QUANTIZED_BY_THE_ENGINE: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm']);

/** A MatMul alone keeps its float weight in ONNX Runtime; with the addition of a constant after it, the engine makes a Gemm of it first. */
function isQuantizedByTheEngine({ domain, opType, outputs: [result] }: Node): boolean {
  if (domain !== '') return false;
  if (opType !== 'MatMul') return QUANTIZED_BY_THE_ENGINE.has(opType);
  return result!.uses.some(({ node }) => node.opType === 'Add' && node.inputs.some(operand => operand !== null && isConstant(operand)));
}

/**
 * Put a Max of one operand, which changes nothing, before every layer whose activation was dequantized and whose weight
 *
 * - stays in floats (by choice, as 16-bit floats, or on a grid that no integer type holds): with fusions on, the engine would make int8 of it,
 *   whatever was asked for. It does so only where the result is quantized again, with Relu or Clip between or without; a convolution of one input
 *   channel, which is meant to be fast as it is, has a Max only there;
 * - has scales that the integer kernel which the engine puts there does not take: it would not run, see {@link hasUnfitScales}.
 *
 * The engine looks for the DequantizeLinear next to the layer, and takes no Max away.
 */
export function shieldWeights(graph: Graph): { rewrites: number } {
  const layers = graph.nodes.filter(node => isDequantized(node.inputs[0]) && ((isQuantizedByTheEngine(node) && hasFloatWeight(node)) || hasUnfitScales(node)));
  for (const node of layers) shield(graph, node);
  return { rewrites: layers.length };
}

/** Put a Max of one operand between a node and its first input. */
export function shield(graph: Graph, node: Node): void {
  const activation = node.inputs[0]!;
  const shielded = addValue(graph, `${activation.name}_shielded`);
  shielded.type = activation.type;
  insertBefore(graph, node, { opType: 'Max', name: `${node.label}_Shield`, inputs: [activation], outputs: [shielded] });
  setInput(node, 0, shielded);
}

/** Whether a value is a constant, be it stored as integers or as 16-bit floats. */
const isConstant = ({ initializer, producer }: Value): boolean =>
  initializer !== null || ((producer?.opType === 'DequantizeLinear' || producer?.opType === 'Cast') && producer.inputs[0]?.initializer != null);

export const isDequantized = (value: Value | null | undefined): boolean => value?.producer?.opType === 'DequantizeLinear';

/** Operators that ONNX Runtime has integer kernels for, with a weight of 8 bits. */
const FUSED: ReadonlySet<string> = new Set(['Conv', 'Gemm', 'MatMul']);

/**
 * Scales in blocks, which no integer kernel of 8-bit weights takes and the engine fuses all the same; and scales per channel of a batch of
 * matrices, since QLinearMatMul and MatMulIntegerToFloat have one for each column of one matrix.
 */
function hasUnfitScales({ domain, opType, inputs: [, weight] }: Node): boolean {
  const producer = weight?.producer;
  if (domain !== '' || !FUSED.has(opType) || producer?.opType !== 'DequantizeLinear') return false;
  const [codes, scales] = producer.inputs.map(input => input?.initializer);
  if (!codes || !scales || !codes.dtype.endsWith('int8')) return false;
  return intOf(producer, 'block_size', 0) > 0 || (opType === 'MatMul' && codes.dims.length > 2 && elementCount(scales.dims) > 1);
}

/** A constant of floats, or one of 16-bit floats that is widened. A kernel of one input channel is shielded only where it must be. */
function hasFloatWeight({ opType, inputs: [, weight], outputs }: Node): boolean {
  const content = weight?.producer?.opType === 'Cast' ? weight.producer.inputs[0]?.initializer : weight?.initializer;
  if (!content?.dtype.includes('float')) return false;
  return opType === 'Gemm' || opType === 'MatMul' || content.dims[1] !== 1 || isRequantized(outputs[0]!);
}

/** Whether a quantizer follows, with Relu or Clip between or without: then the engine makes an integer kernel of what is dequantized before. */
export function isRequantized({ uses }: Value): boolean {
  return uses.some(({ node: { opType, outputs } }) => opType === 'QuantizeLinear' || ((opType === 'Relu' || opType === 'Clip') && isRequantized(outputs[0]!)));
}
