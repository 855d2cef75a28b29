import { elementCount } from '../base/tensor.ts';
import { intOf } from '../graph/attribute.ts';
import { absorbNode, removeNode, replaceUses } from '../graph/edit.ts';
import type { Graph, Model } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import { elementTypeOf } from './element-types.ts';
import type { PassResult } from './pass.ts';

/**
 * Remove nodes that hand an input on unchanged:
 *
 * - Identity; Dropout in inference; Cast to the type that its input is known to have
 * - Mul and Div by one, Add and Sub of zero, by a constant of one element that cannot change the shape (PaddlePaddle
 *   writes a swish as x * sigmoid(1.0 * x))
 *
 * 1. The output is interior                    its readers read the input; the output's name is gone.
 * 2. The output is a graph output, the input   the input's producer computes the output directly, and all other
 *    is interior                               readers of the input read it too; the input's name is gone.
 * 3. The output is a graph output, the input   left alone: both names must stay.
 *    a graph input, an initializer or another
 *    graph output
 *
 * Also left alone: a name to be lost that a subgraph captures; a Dropout whose mask is read, or that has a
 * training_mode input other than constant false.
 */
export function removeIdentity({ graph }: Model): PassResult {
  let rewrites = 0;
  for (const node of [...graph.nodes]) {
    const input = node.domain === '' && node.outputs[0] ? handedOn(graph, node) : null;
    if (input !== null && remove(graph, node, input)) rewrites++;
  }
  return { rewrites };
}

function remove(graph: Graph, node: Node, input: Value): boolean {
  const output = node.outputs[0]!;
  if (!graph.outputs.includes(output)) {
    if (isCaptured(output)) return false;
    replaceUses(output, input);
    removeNode(graph, node);
    return true;
  }
  if (input.producer === null || graph.outputs.includes(input) || isCaptured(input)) return false;
  replaceUses(input, output, input.uses.filter(use => use.node !== node));
  absorbNode(graph, node, input);
  return true;
}

/** The input that `node` gives out as it is, or null. */
function handedOn(graph: Graph, node: Node): Value | null {
  const [input = null, other = null] = node.inputs;
  switch (node.opType) {
    case 'Identity': return input;
    case 'Dropout': return isInference(graph, node) ? input : null;
    case 'Cast': return input?.type && input.type.dtype === elementTypeOf(intOf(node, 'to', 0)) ? input : null;
    case 'Div': return isAlways(graph, other, 1, input) ? input : null;
    case 'Sub': return isAlways(graph, other, 0, input) ? input : null;
    case 'Mul': return isAlways(graph, other, 1, input) ? input : isAlways(graph, input, 1, other) ? other : null;
    case 'Add': return isAlways(graph, other, 0, input) ? input : isAlways(graph, input, 0, other) ? other : null;
  }
  return null;
}

/** Is `constant` the number `expected`, and of no more rank than what it is combined with? */
function isAlways(graph: Graph, constant: Value | null, expected: number, combined: Value | null): boolean {
  const content = constant?.initializer;
  if (!content || content.dtype === 'other' || elementCount(content.dims) !== 1 || graph.inputs.includes(constant)) return false;
  if (content.dims.length > (combined?.type?.shape?.length ?? 0)) return false;
  return ['float32', 'float64', 'int32', 'int64'].includes(content.dtype) && Number(content.read().data[0]) === expected;
}

function isInference(graph: Graph, { inputs, outputs }: Node): boolean {
  const [mask, training] = [outputs[1], inputs[2]];
  if (mask && (mask.uses.length > 0 || graph.outputs.includes(mask))) return false;
  return !training || (training.initializer !== null && training.initializer.read().data[0] === 0);
}

function isCaptured({ uses }: Value): boolean {
  return uses.some(({ index }) => index < 0);
}
