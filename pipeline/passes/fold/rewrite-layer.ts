import { float32Tensor } from '../../base/tensor.ts';
import { floatOf } from '../../graph/attribute.ts';
import { addInitializer, replaceNode, setInput } from '../../graph/edit.ts';
import type { Graph } from '../../graph/graph.ts';
import { initializerOf, type Node, type Value } from '../../graph/node.ts';
import type { Affine } from './affine.ts';
import { contentOf, type Layer } from './layer.ts';

/** The value for `channel`, of a list with one for each or one for all. */
const at = (values: readonly number[], channel: number): number => values[values.length === 1 ? 0 : channel]!;

/** Let `layer` compute scale * y + shift in the place of y, channel by channel. Returns its node, which is another for a MatMul. */
export function foldIntoOutputs(graph: Graph, layer: Layer, { scale, shift, constant }: Affine): Node {
  scaleWeight(graph, layer, scale, layer.outputOf);
  const before = effectiveBias(layer);
  if (before === null && shift.every(value => value === 0)) return layer.node;
  const after = Array.from({ length: layer.outputs }, (_, o) => (before?.[o] ?? 0) * at(scale, o) + at(shift, o));
  return setBias(graph, layer, after, constant);
}

/** Let `layer` compute of x what it computed of scale * x + shift. */
export function foldIntoInputs(graph: Graph, layer: Layer, { scale, shift }: Affine): Node {
  const added = shift.every(value => value === 0) ? null : response(layer, shift);
  scaleWeight(graph, layer, scale, layer.inputOf);
  if (added === null) return layer.node;
  const before = effectiveBias(layer);
  return setBias(graph, layer, added.map((value, o) => value + (before?.[o] ?? 0)), null);
}

/** What `layer` gives without its bias, in float64, for an input that is `shift[c]` everywhere in channel c. */
function response(layer: Layer, shift: readonly number[]): number[] {
  const weight = contentOf(layer.weight);
  const sums = new Float64Array(layer.outputs);
  for (let i = 0; i < weight.length; i++) sums[layer.outputOf(i)]! += weight[i]! * at(shift, layer.inputOf(i));
  const alpha = layer.node.opType === 'Gemm' ? floatOf(layer.node, 'alpha', 1) : 1;
  return Array.from(sums, sum => alpha * sum);
}

/** Multiply each element of the weight by the scale of its channel: a product in float64, stored in float32. */
function scaleWeight(graph: Graph, { node, weight }: Layer, scale: readonly number[], channelOf: (index: number) => number): void {
  if (scale.every(value => value === 1)) return;
  const scaled = new Float32Array(contentOf(weight));
  for (let i = 0; i < scaled.length; i++) scaled[i] = scaled[i]! * (scale.length === 1 ? scale[0]! : scale[channelOf(i)]!);
  const tensor = float32Tensor(weight.initializer!.dims, scaled);
  if (weight.uses.length === 1 && !graph.outputs.includes(weight)) weight.initializer = initializerOf(tensor);
  else setInput(node, 1, addInitializer(graph, weight.name, tensor));
}

/** What the layer adds to output channel o, in float64; null where it has no bias. */
function effectiveBias({ node, bias, outputs }: Layer): number[] | null {
  if (bias === null) return null;
  const beta = node.opType === 'Gemm' ? floatOf(node, 'beta', 1) : 1;
  const content = Array.from(contentOf(bias));
  return Array.from({ length: outputs }, (_, o) => beta * at(content, o));
}

function setBias(graph: Graph, layer: Layer, values: readonly number[], named: Value | null): Node {
  const node = layer.node.opType === 'MatMul' ? asGemm(graph, layer.node) : layer.node;
  node.attributes.delete('beta');
  const tensor = float32Tensor([values.length], Float32Array.from(values));
  const own = layer.bias ?? named;
  if (own !== null && own.uses.length === 1 && !graph.outputs.includes(own)) {
    own.initializer = initializerOf(tensor);
    own.type = { dtype: 'float32', shape: tensor.dims };
    if (layer.bias === null) setInput(own.uses[0]!.node, own.uses[0]!.index, null);
    setInput(node, 2, own);
  } else {
    setInput(node, 2, addInitializer(graph, own?.name ?? biasName(layer.weight.name), tensor));
  }
  return node;
}

/** conv1.weight → conv1.bias, as PyTorch would have called it; any other weight's name with '_bias' after it. */
function biasName(weight: string): string {
  return /(^|\.)weight$/.test(weight) ? weight.replace(/weight$/, 'bias') : `${weight}_bias`;
}

/** A Gemm of a matrix and a constant is the MatMul of the same; it has a place for a bias. */
function asGemm(graph: Graph, node: Node): Node {
  return replaceNode(graph, node, { opType: 'Gemm', name: node.name, inputs: [...node.inputs] });
}
