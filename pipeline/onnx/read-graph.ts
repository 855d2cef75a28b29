import { QuantpipeError } from '../base/errors.ts';
import { Graph } from '../graph/graph.ts';
import { Node, Value, type ValueType } from '../graph/node.ts';
import { inOrder } from '../graph/walk.ts';
import { readAttribute } from './attributes.ts';
import { bitsPerElement, dtypeOf } from './data-types.ts';
import type { ExternalFolder } from './external-data.ts';
import type { GraphProto, NodeProto, TensorProto, ValueInfoProto } from './messages.ts';
import { standardName } from './opsets.ts';
import { SparseTensor } from './sparse-tensor.ts';
import { StoredTensor } from './stored-tensor.ts';
import { capturedNames, freeNames, innerNames } from './subgraphs.ts';
import { readForeignType, readValueType } from './value-types.ts';

/** What a value was declared by, kept in {@link Value.origin} for the writer. */
export interface ValueOrigin {
  readonly input?: ValueInfoProto;
  readonly output?: ValueInfoProto;
  readonly valueInfo?: ValueInfoProto;
  /** The type that the reader gave the value. While it has this very one, its declarations are written as they were. */
  readonly type: ValueType | null;
}

/**
 * A graph: the main one of a model, or one inside `outer`, whose values it may read. Initializers are named first, so that they keep their
 * order; then inputs, then what nodes compute.
 */
export function readGraph(proto: GraphProto, folder: ExternalFolder | null, outer: Graph | null = null): Graph {
  const graph = new Graph();
  graph.name = proto.name;
  graph.origin = proto;
  for (const tensor of proto.initializer) {
    define(graph, tensor.name, 'an initializer').initializer = new StoredTensor(tensor, `initializer '${tensor.name}'`, folder);
  }
  for (const tensor of proto.sparseInitializer) {
    const name = tensor.values?.name ?? '';
    define(graph, name, 'a sparse initializer').initializer = new SparseTensor(tensor, `sparse initializer '${name}'`, folder);
  }
  for (const { name } of proto.input) graph.inputs.push(defineInput(graph, name));
  const nodes = proto.node.map(node => readNode(graph, node, folder));
  const captured = outer === null ? [] : captures(graph, proto, outer);
  nodes.forEach((node, at) => linkInputs(graph, node, proto.node[at]!));
  graph.nodes.push(...inOrder(nodes));
  for (const tensor of proto.initializer) refuseUndefinedType(graph, tensor);
  for (const name of proto.node.flatMap(innerNames)) graph.innerNames.add(name);
  for (const { name } of proto.output) graph.outputs.push(defined(graph, name, `output '${name}' of the graph is computed by no node`));
  declareTypes(proto, graph);
  for (const value of captured) value.type ??= outer!.values.get(value.name)!.type;
  return graph;
}

/** Make the values that the graph reads from the one around it. No value of its own may be called as one out there. */
function captures(graph: Graph, proto: GraphProto, outer: Graph): Value[] {
  for (const name of [...outer.values.keys(), ...outer.innerNames]) graph.innerNames.add(name);
  return freeNames(proto).filter(name => outer.values.has(name)).map(name => graph.value(name));
}

/** The one value that this name is given to. */
function define(graph: Graph, name: string, what: string): Value {
  if (name === '') throw malformed(`the graph has ${what} without a name`);
  if (graph.values.has(name)) throw malformed(`the graph gives the name '${name}' to two values, the second is ${what}`);
  return graph.value(name);
}

/** An input may have an initializer: its default. */
function defineInput(graph: Graph, name: string): Value {
  const value = graph.values.get(name);
  return value?.initializer && !graph.inputs.includes(value) ? value : define(graph, name, 'an input');
}

function defined(graph: Graph, name: string, otherwise: string): Value {
  const value = graph.values.get(name);
  if (value === undefined) throw malformed(otherwise);
  return value;
}

function readNode(graph: Graph, proto: NodeProto, folder: ExternalFolder | null): Node {
  if (proto.opType === '') throw malformed(`node '${proto.name}' has no operator`);
  const node = new Node(proto.opType, { name: proto.name, domain: standardName(proto.domain) });
  node.origin = proto;
  for (const name of proto.output) {
    const value = name === '' ? null : define(graph, name, `an output of node '${proto.name}' (${proto.opType})`);
    if (value !== null) value.producer = node;
    node.outputs.push(value);
  }
  for (const attribute of proto.attribute) {
    const what = `attribute '${attribute.name}' of ${node.label}`;
    if (node.attributes.has(attribute.name)) throw malformed(`${what} is given twice`);
    node.attributes.set(attribute.name, readAttribute(attribute, what, { folder, subgraph: proto => ({ read: outer => readGraph(proto, folder, outer) }) }));
  }
  return node;
}

function linkInputs(graph: Graph, node: Node, proto: NodeProto): void {
  proto.input.forEach((name, index) => {
    const value = name === '' ? null : defined(graph, name, `input ${index} of ${node.label} (${node.opType}) is '${name}', which nothing defines`);
    node.inputs.push(value);
    value?.uses.push({ node, index });
  });
  for (const name of capturedNames(proto)) {
    const value = defined(graph, name, `a subgraph of ${node.label} (${node.opType}) reads '${name}', which nothing defines`);
    node.captures.push(value);
    value.uses.push({ node, index: -1 });
  }
}

/** What nothing reads is carried, whatever it holds: a newer version of the format may define it. */
function refuseUndefinedType(graph: Graph, { name, dataType }: TensorProto): void {
  const [use] = graph.values.get(name)!.uses;
  if (use === undefined || dtypeOf(dataType) !== null || bitsPerElement(dataType) !== null) return;
  throw malformed(`initializer '${name}', which ${use.node.label} (${use.node.opType}) reads, has element type ${dataType}, and ONNX defines none of that number`);
}

/** Whether the file that a value was read from declares its type. */
export function isDeclared({ origin }: Value): boolean {
  return origin !== null && (origin as ValueOrigin).type !== null;
}

/** Give every value the type that the graph declares for it; an initializer has one of its own. */
function declareTypes(proto: GraphProto, graph: Graph): void {
  const [inputs, outputs, others] = [proto.input, proto.output, proto.valueInfo].map(infos => new Map(infos.map(info => [info.name, info])));
  for (const value of graph.values.values()) {
    const [input, output, valueInfo] = [inputs!.get(value.name), outputs!.get(value.name), others!.get(value.name)];
    const declaration = (input ?? output ?? valueInfo)?.type;
    value.type = readValueType(declaration) ?? ownType(value);
    value.foreignType = readForeignType(declaration);
    value.origin = { ...(input && { input }), ...(output && { output }), ...(valueInfo && { valueInfo }), type: value.type } satisfies ValueOrigin;
  }
}

function ownType({ initializer }: Value): ValueType | null {
  return initializer === null || initializer.dtype === 'other' ? null : { dtype: initializer.dtype, shape: initializer.dims };
}

function malformed(message: string): QuantpipeError {
  return new QuantpipeError('model-malformed', message);
}
