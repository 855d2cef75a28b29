import { removeDeadInitializers, removeNode } from '../graph/edit.ts';
import type { Model } from '../graph/graph.ts';
import type { PassResult } from './pass.ts';

/**
 * Remove what no graph output depends on: nodes none of whose outputs is read or is a graph output (from the end
 * backwards, so that whole dead branches go at once), then initializers that nothing reads. Graph inputs stay.
 */
export function removeDeadNodes({ graph }: Model): PassResult {
  const outputs = new Set(graph.outputs);
  let rewrites = 0;
  for (const node of graph.nodes.toReversed()) {
    if (node.outputs.some(output => output !== null && (output.uses.length > 0 || outputs.has(output)))) continue;
    removeNode(graph, node);
    rewrites++;
  }
  return { rewrites: rewrites + removeDeadInitializers(graph) };
}
