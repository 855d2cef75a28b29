import { intOf, intsOf, stringOf } from '../graph/attribute.ts';
import { absorbNode, removeDeadInitializers, removeNode, setInput } from '../graph/edit.ts';
import type { Graph, Model } from '../graph/graph.ts';
import type { Node, Use, Value } from '../graph/node.ts';
import { type Affine, affineOf } from './fold/affine.ts';
import { type Layer, layerOf } from './fold/layer.ts';
import { foldIntoInputs, foldIntoOutputs } from './fold/rewrite-layer.ts';
import { type PassResult, untilStable } from './pass.ts';

/**
 * Fold maps of the form scale[c] * x + shift[c] into the layer beside them. Such a map is a BatchNormalization, or a Mul,
 * Add or Sub of a constant (some exporters write a convolution's bias, or a scale, so).
 *
 * Backward, into the layer that computes x; the layer then computes the map's output, and x's name is gone:
 * 1. Conv and ConvTranspose of any group   any of the maps; a constant lies along the channels, or has one element.
 * 2. Gemm                                  any of the maps, as above.
 * 3. MatMul by a constant matrix           BatchNormalization only, where x is known to be a matrix; it becomes a Gemm.
 *                                          (MatMul + Add stays as two nodes: a biased MatMul of any rank.)
 * Forward, into the layer that reads the map's output, where there is none to fold back into:
 * 4. Conv without padding                  BatchNormalization, or a Mul, Add or Sub of one element.
 * 5. Conv with padding                     the same, if nothing is added: padded zeros would have to be shifted, too.
 * 6. Gemm, and MatMul as in 3              BatchNormalization; before a Gemm also with a Flatten (axis 1) in between.
 *
 * Only where one node reads the tensor in between and it is no graph output. A weight or bias that others read too is copied
 * under a fresh name. Computed in float64, stored in float32. What matches no rule is left alone.
 *
 * @see AIMET, aimet_onnx/batch_norm_fold.py (which leaves Mul and Add, and forward folds into grouped convolutions)
 */
export function foldBatchNorm(model: Model): PassResult {
  return untilStable(foldOnce)(model);
}

function foldOnce({ graph }: Model): PassResult {
  let rewrites = 0;
  for (const node of [...graph.nodes]) {
    const affine = affineOf(graph, node);
    if (affine !== null && (foldBackward(graph, affine) || foldForward(graph, affine))) rewrites++;
  }
  if (rewrites > 0) removeDeadInitializers(graph);
  return { rewrites };
}

function foldBackward(graph: Graph, affine: Affine): boolean {
  const layer = privateUse(graph, affine.input) ? layerOf(graph, affine.input.producer) : null;
  if (layer === null || !fitsOutputs(layer, affine)) return false;
  foldIntoOutputs(graph, layer, affine);
  absorbNode(graph, affine.node, affine.input);
  return true;
}

function foldForward(graph: Graph, affine: Affine): boolean {
  const use = privateUse(graph, affine.node.outputs[0]!);
  if (use?.node.opType === 'Flatten' && foldThroughFlatten(graph, affine, use.node)) return true;
  const layer = use?.index === 0 ? layerOf(graph, use.node) : null;
  if (layer === null || !fitsInputs(layer, affine)) return false;
  setInput(foldIntoInputs(graph, layer, affine), 0, affine.input);
  removeNode(graph, affine.node);
  return true;
}

/** A Flatten after the batch lays out each channel's positions one after the other: the Gemm sees every channel repeated. */
function foldThroughFlatten(graph: Graph, affine: Affine, flatten: Node): boolean {
  const use = privateUse(graph, flatten.outputs[0]!);
  const layer = use?.index === 0 ? layerOf(graph, use.node) : null;
  const positions = (layer?.inputs ?? 0) / affine.scale.length;
  if (layer?.node.opType !== 'Gemm' || !Number.isInteger(positions) || intOf(flatten, 'axis', 1) !== 1) return false;
  const repeated = (values: readonly number[]): number[] => values.flatMap(value => Array<number>(positions).fill(value));
  const flat = { ...affine, scale: repeated(affine.scale), shift: repeated(affine.shift) };
  if (!fitsInputs(layer, flat)) return false;
  foldIntoInputs(graph, layer, flat);
  setInput(flatten, 0, affine.input);
  removeNode(graph, affine.node);
  return true;
}

/** The only place where `value` is read, or null: it is read elsewhere too, by a subgraph, or by whoever runs the model. */
function privateUse(graph: Graph, value: Value): Use | null {
  const [use, ...others] = value.uses;
  return use && others.length === 0 && use.index >= 0 && !graph.outputs.includes(value) ? use : null;
}

function fitsOutputs({ node, weight, outputs }: Layer, affine: Affine): boolean {
  if (!fitsCount(affine, outputs)) return false;
  if (affine.node.opType === 'BatchNormalization') return node.opType !== 'MatMul' || isMatrix(affine.input);
  const rank = weight.initializer!.dims.length;
  if (node.opType === 'MatMul' || affine.rank > rank) return false;
  return affine.axisFromEnd === null || affine.axisFromEnd === rank - 1;
}

function fitsInputs({ node, weight, inputs }: Layer, affine: Affine): boolean {
  if (!fitsCount(affine, inputs) || node.opType === 'ConvTranspose') return false;
  if (node.opType === 'Gemm') return affine.node.opType === 'BatchNormalization' && intOf(node, 'transA', 0) === 0;
  if (node.opType === 'MatMul') return affine.node.opType === 'BatchNormalization' && isMatrix(affine.input);
  if (affine.node.opType !== 'BatchNormalization' && (affine.axisFromEnd !== null || affine.rank >= weight.initializer!.dims.length)) return false;
  return affine.shift.every(value => value === 0) || isUnpadded(node);
}

/** Every list has one element, or one for each of the layer's `count` channels. */
function fitsCount({ scale, shift }: Affine, count: number): boolean {
  return [scale, shift].every(({ length }) => length === 1 || length === count);
}

function isMatrix({ type }: Value): boolean {
  return type?.shape?.length === 2;
}

function isUnpadded(node: Node): boolean {
  const padding = stringOf(node, 'auto_pad', 'NOTSET');
  return padding === 'VALID' || (padding === 'NOTSET' && (intsOf(node, 'pads') ?? []).every(pad => pad === 0));
}
