import { intAttribute, intsAttribute, intsOf } from '../../graph/attribute.ts';
import { appendNode, freshName, setInput } from '../../graph/edit.ts';
import { Graph } from '../../graph/graph.ts';
import type { Node, Value } from '../../graph/node.ts';
import { type FormChange, refuse } from './form-change.ts';

/**
 * Scan ran over sequences of a batch, [batch, time, …], and since over one sequence, [time, …]. So the batch becomes a Scan of its own,
 * without a state, around the one over time.
 */
export const scanChanges: readonly FormChange[] = [
  { opType: 'Scan', since: 9, rewrite(graph, node) {
    if (node.inputs[0]) return refuse(node, 9, 'its sequences have lengths of their own');
    dropFirstInput(node);
    const directions = intsOf(node, 'directions');
    node.attributes.delete('directions');
    if (directions !== null) node.attributes.set('scan_input_directions', intsAttribute(directions));
    const body = entryOf(graph, node);
    for (const { name } of [...body.inputs, ...body.outputs]) graph.innerNames.add(name);
    node.attributes.delete('scan_input_directions');
    node.attributes.set('body', { kind: 'graph', value: { read: () => body } });
    node.attributes.set('num_scan_inputs', intAttribute(node.inputs.length));
    return node;
  } },
];

/** A graph that does what `node` does, for one entry of the batch. */
function entryOf(outer: Graph, node: Node): Graph {
  const graph = new Graph();
  graph.name = freshName(outer, `${node.outputs[0]?.name ?? node.name}_entry`);
  for (const { name, type } of node.captures) graph.value(name).type = type;
  const inside = (value: Value | null): Value => {
    const own = graph.value(freshName(outer, `${graph.name}_${graph.values.size}`));
    if (value?.type) own.type = { dtype: value.type.dtype, shape: value.type.shape?.slice(1) ?? null };
    return own;
  };
  graph.inputs.push(...node.inputs.map(inside));
  graph.outputs.push(...node.outputs.map(inside));
  appendNode(graph, { opType: 'Scan', attributes: Object.fromEntries(node.attributes), inputs: graph.inputs, outputs: graph.outputs });
  return graph;
}

function dropFirstInput(node: Node): void {
  const rest = node.inputs.slice(1);
  node.inputs.forEach((_, index) => setInput(node, index, rest[index] ?? null));
  node.inputs.length = rest.length;
}
