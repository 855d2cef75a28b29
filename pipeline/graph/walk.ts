import { QuantpipeError } from '../base/errors.ts';
import type { Node } from './node.ts';

/** The nodes whose outputs `node` reads, by itself or in its subgraphs, each once. */
function predecessors(node: Node): Node[] {
  const producers = [...node.inputs, ...node.captures].flatMap(value => value?.producer ?? []);
  return [...new Set(producers)];
}

/**
 * `nodes` in topological order: every node after those it reads from. Nodes that are in order already stay where they
 * are; one that comes too early moves others in front of itself. A cycle is an error that names a node of it.
 */
export function inOrder(nodes: readonly Node[]): Node[] {
  const ordered: Node[] = [];
  const state = new Map<Node, 'open' | 'done'>();
  for (const start of nodes) {
    const path = [start];
    while (path.length > 0) {
      const node = path.at(-1)!;
      if (state.get(node) === 'done') { path.pop(); continue; }
      const waiting = predecessors(node).filter(before => state.get(before) !== 'done');
      if (waiting.length === 0) {
        ordered.push(node);
        state.set(path.pop()!, 'done');
      } else if (state.get(node) === 'open') {
        throw new QuantpipeError('model-malformed', `the graph has a cycle through ${node.label} (${node.opType})`);
      } else {
        state.set(node, 'open');
        path.push(...waiting.reverse());
      }
    }
  }
  return ordered;
}
