import type { Subgraph } from '../graph/attribute.ts';
import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import { writeAttribute } from './attributes.ts';
import type { GraphProto, NodeProto, TensorProto, ValueInfoProto } from './messages.ts';
import type { ValueOrigin } from './read-graph.ts';
import { changedMessage, createMessage } from './schema.ts';
import { SparseTensor } from './sparse-tensor.ts';
import { definedNames } from './subgraphs.ts';
import { writeInitializer } from './write-initializer.ts';
import { writeValueType } from './value-types.ts';

/** The message of the main graph: the one it was read from, with what this program knows in place of what was there. */
export function writeGraph(graph: Graph, writeWeight: (value: Value) => TensorProto): GraphProto {
  const origin = graph.origin === null ? createMessage('GraphProto') : graph.origin as GraphProto;
  const initializers = graph.initializers;
  const isLost = lostNames(origin, graph);
  return changedMessage(origin, {
    ...(graph.name !== origin.name && { name: graph.name }),
    node: graph.nodes.map(node => writeNode(node, graph)),
    initializer: initializers.filter(value => !(value.initializer instanceof SparseTensor)).map(writeWeight),
    sparseInitializer: initializers.flatMap(({ initializer }) => initializer instanceof SparseTensor ? initializer.origin : []),
    input: graph.inputs.map(value => writeInfo(value, 'input')),
    output: graph.outputs.map(value => writeInfo(value, 'output')),
    valueInfo: writeInfos(graph, origin, isLost),
    quantizationAnnotation: origin.quantizationAnnotation.filter(({ tensorName }) => !isLost(tensorName)),
  });
}

/** Tells the names that the graph defined when it was read and does not define any more. */
function lostNames(origin: GraphProto, graph: Graph): (name: string) => boolean {
  const defined = definedNames(origin);
  return name => defined.has(name) && !graph.values.has(name);
}

function writeNode(node: Node, graph: Graph): NodeProto {
  const writeSubgraph = (subgraph: Subgraph) => writeGraph(subgraph.read(graph), ({ name, initializer }) => writeInitializer(name, initializer!));
  const origin = node.origin === null
    ? createMessage('NodeProto', { opType: node.opType, ...(node.domain !== '' && { domain: node.domain }) })
    : node.origin as NodeProto;
  return changedMessage(origin, {
    ...(node.name !== origin.name && { name: node.name }),
    input: node.inputs.map(value => value?.name ?? ''),
    output: node.outputs.map(value => value?.name ?? ''),
    attribute: [...node.attributes].map(([name, attribute]) => writeAttribute(name, attribute, writeSubgraph)),
  });
}

/** Declarations of values: those that were there and still hold, in their order, then those of new values that have a type. */
function writeInfos(graph: Graph, origin: GraphProto, isLost: (name: string) => boolean): ValueInfoProto[] {
  const kept = origin.valueInfo.filter(({ name }) => !isLost(name));
  const declared = new Set([...kept.map(({ name }) => name), ...[...graph.inputs, ...graph.outputs].map(({ name }) => name)]);
  const added = [...graph.values.values()].filter(({ name, type, producer }) => type !== null && producer !== null && !declared.has(name));
  return [
    ...kept.flatMap(info => {
      const value = graph.values.get(info.name);
      if (value === undefined) return info; // a name that the graph never defined, as of a value inside a subgraph
      return value.type === null && !hasFirstType(value) ? [] : writeInfo(value, 'valueInfo', info);
    }),
    ...added.map(value => writeInfo(value, 'valueInfo')),
  ];
}

/** While a value has the type that it was read with, its declarations stay as they were; else it has the type that a pass gave it. */
function writeInfo(value: Value, role: 'input' | 'output' | 'valueInfo', first?: ValueInfoProto): ValueInfoProto {
  const { name, type } = value;
  const origin = value.origin as ValueOrigin | null;
  const info = origin?.[role] ?? first ?? origin?.input ?? origin?.output ?? origin?.valueInfo ?? createMessage('ValueInfoProto', { name });
  const named = info.name === name ? info : changedMessage(info, { name });
  if (hasFirstType(value) && (info.type !== undefined || type === null)) return named;
  if (type !== null) return changedMessage(named, { type: writeValueType(type) });
  const untyped = changedMessage(named, {});
  delete untyped.type;
  return untyped;
}

function hasFirstType({ origin, type }: Value): boolean {
  return origin !== null && (origin as ValueOrigin).type === type;
}
