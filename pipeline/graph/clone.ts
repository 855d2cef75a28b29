import { Graph, type Model } from './graph.ts';
import { Node, type Value } from './node.ts';

/** A copy of a model that may be edited without changing the first one. The content of initializers is shared. */
export function cloneModel({ graph, opsets, origin }: Model): Model {
  return { graph: cloneGraph(graph), opsets: new Map(opsets), origin };
}

function cloneGraph(graph: Graph): Graph {
  const copy = new Graph();
  copy.name = graph.name;
  copy.origin = graph.origin;
  for (const name of graph.innerNames) copy.innerNames.add(name);
  const copies = new Map([...graph.values.values()].map(value => [value, copy.value(value.name)]));
  for (const [{ type, foreignType, formerName, initializer, origin }, value] of copies) Object.assign(value, { type, foreignType, formerName, initializer, origin });
  const copyOf = (value: Value) => copies.get(value)!;
  copy.inputs.push(...graph.inputs.map(copyOf));
  copy.outputs.push(...graph.outputs.map(copyOf));
  copy.nodes.push(...graph.nodes.map(node => cloneNode(node, copyOf)));
  return copy;
}

/** Uses are linked in the order of the nodes, as the reader does. */
function cloneNode(node: Node, copyOf: (value: Value) => Value): Node {
  const copy = new Node(node.opType, { name: node.name, domain: node.domain, attributes: new Map(node.attributes) });
  copy.origin = node.origin;
  copy.formerType = node.formerType;
  copy.inputs.push(...node.inputs.map(value => value && copyOf(value)));
  copy.outputs.push(...node.outputs.map(value => value && copyOf(value)));
  copy.captures.push(...node.captures.map(copyOf));
  copy.inputs.forEach((value, index) => value?.uses.push({ node: copy, index }));
  for (const value of copy.captures) value.uses.push({ node: copy, index: -1 });
  for (const value of copy.outputs) if (value !== null) value.producer = copy;
  return copy;
}
