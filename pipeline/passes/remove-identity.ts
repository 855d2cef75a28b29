import { absorbNode, removeNode, replaceUses } from '../graph/edit.ts';
import type { Graph, Model } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import type { PassResult } from './pass.ts';

/**
 * Remove nodes that hand their first input on unchanged: Identity, and Dropout in inference.
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
  for (const node of [...graph.nodes]) if (isIdentity(graph, node) && remove(graph, node)) rewrites++;
  return { rewrites };
}

function remove(graph: Graph, node: Node): boolean {
  const [input, output] = [node.inputs[0]!, node.outputs[0]!];
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

function isIdentity(graph: Graph, node: Node): boolean {
  if (node.domain !== '' || !node.inputs[0] || !node.outputs[0]) return false;
  return node.opType === 'Identity' || (node.opType === 'Dropout' && isInference(graph, node));
}

function isInference(graph: Graph, { inputs, outputs }: Node): boolean {
  const [mask, training] = [outputs[1], inputs[2]];
  if (mask && (mask.uses.length > 0 || graph.outputs.includes(mask))) return false;
  return !training || (training.initializer !== null && training.initializer.read().data[0] === 0);
}

function isCaptured({ uses }: Value): boolean {
  return uses.some(({ index }) => index < 0);
}
