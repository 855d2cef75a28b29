import { float32Tensor } from '../base/tensor.ts';
import { addInitializer, addValue, insertBefore, removeNode, setInput } from '../graph/edit.ts';
import type { Graph } from '../graph/graph.ts';
import { keepsRank, scalarOf } from '../graph/match.ts';
import type { Node, Value } from '../graph/node.ts';

/**
 * Take away the constant factors of a product of activations (attention's scaling), so that nothing stands between the product and its
 * quantizers, and the engine has an integer kernel for it:
 *
 * 1. DequantizeLinear → Mul c → MatMul: the product reads a DequantizeLinear of its own, whose scale is c times as large.
 * 2. MatMul → Mul c → QuantizeLinear: the scale of the QuantizeLinear alone becomes 1/c of what it was.
 *
 * Likewise a Div by 1/c. Exact but for the rounding of the new scale to float32. Left alone: factors that are no positive scalar or
 * have more dimensions than (as far as is known) what they are multiplied with, and values that something else reads too.
 */
export function absorbScales(graph: Graph): { rewrites: number } {
  let rewrites = 0;
  for (const product of graph.nodes.filter(({ opType, domain }) => opType === 'MatMul' && domain === '')) {
    for (const index of [0, 1]) if (absorbBefore(graph, product, index)) rewrites++;
    if (absorbAfter(graph, product)) rewrites++;
  }
  return { rewrites };
}

function absorbBefore(graph: Graph, product: Node, index: number): boolean {
  const scaling = product.inputs[index]?.producer ?? null;
  const factor = factorOf(graph, scaling);
  const dequantize = factor === null ? null : factor.input.producer;
  if (scaling === null || dequantize?.opType !== 'DequantizeLinear' || !isScalar(dequantize.inputs[1])) return false;
  const [codes, scale, zeroPoint] = dequantize.inputs;
  const target = addValue(graph, `${scaling.outputs[0]!.name}_dequantized`);
  target.type = scaling.outputs[0]!.type;
  const inputs = [codes!, scaled(graph, scale!, factor!.by, target.name), zeroPoint ?? null];
  insertBefore(graph, product, { opType: 'DequantizeLinear', name: `${target.name}_DequantizeLinear`, inputs, outputs: [target] });
  setInput(product, index, target);
  removeNode(graph, scaling);
  if (factor!.input.uses.length === 0 && !graph.outputs.includes(factor!.input)) removeNode(graph, dequantize);
  return true;
}

function absorbAfter(graph: Graph, product: Node): boolean {
  const [output] = product.outputs;
  const scaling = output?.uses[0]?.node ?? null;
  const factor = factorOf(graph, scaling);
  const quantize = scaling?.outputs[0]?.uses[0]?.node;
  if (!output || scaling === null || factor?.input !== output || !isPrivate(graph, output) || quantize?.opType !== 'QuantizeLinear' || !isScalar(quantize.inputs[1])) return false;
  setInput(quantize, 1, scaled(graph, quantize.inputs[1]!, 1 / factor.by, scaling.outputs[0]!.name));
  setInput(quantize, 0, output);
  removeNode(graph, scaling);
  return true;
}

/** What a Mul or Div multiplies, and by which positive constant; null for any other node, and where its result is read elsewhere too. */
function factorOf(graph: Graph, node: Node | null): { readonly input: Value; readonly by: number } | null {
  if (node === null || node.domain !== '' || (node.opType !== 'Mul' && node.opType !== 'Div') || !isPrivate(graph, node.outputs[0]!)) return null;
  const [a, b] = node.inputs as [Value, Value];
  const [input, constant] = node.opType === 'Mul' && a.initializer !== null ? [b, a] : [a, b];
  const value = scalarOf(constant);
  if (value === null || !Number.isFinite(1 / value) || value <= 0 || !keepsRank(constant, input)) return null;
  return { input, by: node.opType === 'Mul' ? value : 1 / value };
}

/** Whether one node reads a value, once, and nobody else sees it. */
function isPrivate({ outputs }: Graph, value: Value): boolean {
  return value.uses.length === 1 && value.uses[0]!.index >= 0 && !outputs.includes(value);
}

function isScalar(value: Value | null | undefined): value is Value {
  return value?.initializer?.dims.length === 0;
}

function scaled(graph: Graph, scale: Value, by: number, name: string): Value {
  return addInitializer(graph, `${name}_scale`, float32Tensor([], Float32Array.of(scalarOf(scale)! * by)));
}
