import type { AttributeProto, GraphProto, NodeProto } from './messages.ts';

/** The graphs that a node holds in its attributes. */
export function subgraphsOf(node: NodeProto): GraphProto[] {
  return node.attribute.flatMap(graphsOf);
}

function graphsOf({ g, graphs }: AttributeProto): GraphProto[] {
  return g === undefined ? graphs : [g, ...graphs];
}

/** Names of the enclosing graph's values that the node's subgraphs read, each once, in the order they are met. */
export function capturedNames(node: NodeProto): string[] {
  return [...new Set(subgraphsOf(node).flatMap(freeNames))];
}

/** What `graph` and the graphs inside it read, but do not define. */
export function freeNames(graph: GraphProto): string[] {
  const defined = definedNames(graph);
  const read = [...graph.node.flatMap(node => [...node.input, ...capturedNames(node)]), ...graph.output.map(({ name }) => name)];
  return read.filter(name => name !== '' && !defined.has(name));
}

/** Every name that the node's subgraphs, and the graphs inside them, give to values of their own. */
export function innerNames(node: NodeProto): string[] {
  return subgraphsOf(node).flatMap(graph => [...definedNames(graph), ...graph.node.flatMap(innerNames)]);
}

/** Every name that `graph` itself gives a value to. */
export function definedNames(graph: GraphProto): Set<string> {
  return new Set([
    ...graph.input.map(({ name }) => name),
    ...graph.initializer.map(({ name }) => name),
    ...graph.sparseInitializer.map(({ values }) => values?.name ?? ''),
    ...graph.node.flatMap(({ output }) => output),
  ]);
}
