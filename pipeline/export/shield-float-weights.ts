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
 * Put a Max of one operand, which changes nothing, before every layer whose weight stays in floats (by choice, as 16-bit floats, or on a grid
 * that no integer type holds) and whose activation was dequantized. With fusions on, the engine would make int8 of such weights, whatever was
 * asked for; it looks for the DequantizeLinear next to the layer, and takes no Max away.
 *
 * Left alone: depthwise convolutions, which the engine leaves alone, too.
 */
export function shieldFloatWeights(graph: Graph): { rewrites: number } {
  const layers = graph.nodes.filter(node => isQuantizedByTheEngine(node) && hasFloatWeight(node) && isDequantized(node.inputs[0]));
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

/** A constant of floats, or one of 16-bit floats that is widened. A depthwise weight has one input channel. */
function hasFloatWeight({ opType, inputs: [, weight] }: Node): boolean {
  const content = weight?.producer?.opType === 'Cast' ? weight.producer.inputs[0]?.initializer : weight?.initializer;
  if (!content?.dtype.includes('float')) return false;
  return opType === 'Gemm' || opType === 'MatMul' || content.dims[1] !== 1;
}
