import { check } from '../base/check.ts';
import type { DType, Tensor } from '../base/tensor.ts';
import type { Attribute } from './attribute.ts';
import type { Graph } from './graph.ts';
import { type Initializer, initializerOf, Node, type Use, Value } from './node.ts';

/** What {@link createNode} needs. `outputs` are values without a producer. */
export interface NodeSpec {
  readonly opType: string;
  /** The node gets it, or where another node of the graph has it already, a fresh name that starts with it: no engine loads a graph with two of one name. */
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly (Value | null)[];
}

/** Make a node and link it, without placing it in `graph.nodes`: see {@link insertBefore}, {@link insertAfter}, {@link appendNode}. */
function createNode(graph: Graph, { opType, name = '', domain = '', attributes = {}, inputs, outputs }: NodeSpec): Node {
  const node = new Node(opType, { name: freshNodeName(graph, name), domain, attributes: new Map(Object.entries(attributes)) });
  inputs.forEach((value, index) => setInput(node, index, value));
  for (const value of outputs) {
    check(value === null || value.producer === null, `'${value?.name}' has a producer already`);
    if (value !== null) value.producer = node;
    node.outputs.push(value);
  }
  return node;
}

export function appendNode(graph: Graph, spec: NodeSpec): Node {
  const node = createNode(graph, spec);
  graph.nodes.push(node);
  return node;
}

export function insertBefore(graph: Graph, anchor: Node, spec: NodeSpec): Node {
  const node = createNode(graph, spec);
  graph.nodes.splice(positionOf(graph, anchor), 0, node);
  return node;
}

export function insertAfter(graph: Graph, anchor: Node, spec: NodeSpec): Node {
  const node = createNode(graph, spec);
  graph.nodes.splice(positionOf(graph, anchor) + 1, 0, node);
  return node;
}

/** Put `value` at input `index` of `node`, keeping the use lists of the old and the new value. */
export function setInput(node: Node, index: number, value: Value | null): void {
  const old = node.inputs[index];
  if (old) old.uses.splice(old.uses.findIndex(use => use.node === node && use.index === index), 1);
  while (node.inputs.length < index) node.inputs.push(null);
  node.inputs[index] = value;
  value?.uses.push({ node, index });
}

/** Let `node` compute `value` at output `index`; what it computed there before keeps its uses and loses its producer. */
export function setOutput(node: Node, index: number, value: Value): void {
  check(value.producer === null, `'${value.name}' has a producer already`);
  const old = node.outputs[index];
  if (old) old.producer = null;
  node.outputs[index] = value;
  value.producer = node;
}

/** Let every use in `uses` (by default all but captures by subgraphs) read `to` instead of `from`. Returns how many changed. */
export function replaceUses(from: Value, to: Value, uses: readonly Use[] = from.uses.filter(({ index }) => index >= 0)): number {
  for (const { node, index } of [...uses]) setInput(node, index, to);
  return uses.length;
}

/** Take `node` out of the graph. Its outputs must have no use left; they are forgotten unless they are graph outputs. */
export function removeNode(graph: Graph, node: Node): void {
  for (const output of node.outputs) {
    if (output === null) continue;
    check(output.uses.length === 0, `'${output.name}' is still used`);
    output.producer = null;
    if (!graph.outputs.includes(output)) graph.values.delete(output.name);
  }
  node.inputs.forEach((_, index) => setInput(node, index, null));
  for (const value of node.captures) value.uses.splice(value.uses.findIndex(use => use.node === node && use.index < 0), 1);
  nodeNamesOf(graph).delete(node.name);
  graph.nodes.splice(positionOf(graph, node), 1);
}

/**
 * Take `node` out of the graph, and let the producer of `inner`, which only `node` reads, compute `node`'s first output
 * instead. So of the two names the outer one survives, with all its uses.
 */
export function absorbNode(graph: Graph, node: Node, inner: Value): void {
  const { producer } = inner;
  const outer = disown(node);
  check(producer !== null, `'${inner.name}' has no producer`);
  setOutput(producer, producer.outputs.indexOf(inner), outer);
  removeNode(graph, node);
  check(inner.uses.length === 0, `'${inner.name}' is still used`);
  graph.values.delete(inner.name);
}

/** Take `node` out of the graph; its first output becomes an initializer under its own name. */
export function replaceByInitializer(graph: Graph, node: Node, content: Initializer): void {
  const value = disown(node);
  value.initializer = content;
  value.type = content.dtype === 'other' ? null : { dtype: content.dtype, shape: content.dims };
  removeNode(graph, node);
}

/** Put a new node in the place of `node`, computing the same outputs. It may have the name of `node`. */
export function replaceNode(graph: Graph, node: Node, spec: Omit<NodeSpec, 'outputs'>): Node {
  const outputs = [...node.outputs];
  for (let i = 0; i < outputs.length; i++) {
    node.outputs[i] = null;
    if (outputs[i]) outputs[i]!.producer = null;
  }
  const replacement = insertBefore(graph, node, { ...spec, name: '', outputs });
  removeNode(graph, node);
  replacement.name = freshNodeName(graph, spec.name ?? '');
  return replacement;
}

/** Cut `node` off from its first output, which keeps its uses. */
function disown(node: Node): Value {
  const [value] = node.outputs;
  check(value, `${node.label} has no first output`);
  value.producer = null;
  node.outputs[0] = null;
  return value;
}

/** Add an initializer under a fresh name that starts with `name`. */
export function addInitializer(graph: Graph, name: string, content: Tensor | (Initializer & { readonly dtype: DType })): Value {
  const value = addValue(graph, name);
  value.initializer = 'read' in content ? content : initializerOf(content);
  value.type = { dtype: content.dtype, shape: content.dims };
  return value;
}

/** Add a value under a fresh name that starts with `name`. */
export function addValue(graph: Graph, name: string): Value {
  return graph.value(freshName(graph, name));
}

/** `name`, or the first of `name_1`, `name_2`, … that no value of the graph has, nor of its subgraphs. Deterministic. */
export function freshName({ values, innerNames }: Graph, name: string): string {
  return untaken(name, name => name === '' || values.has(name) || innerNames.has(name));
}

/** The names of each graph's nodes, made when it is first edited: nodes come and go through this file alone, but for those of a reader or a copy. */
const nodeNames = new WeakMap<Graph, Set<string>>();

function nodeNamesOf(graph: Graph): Set<string> {
  let names = nodeNames.get(graph);
  if (names === undefined) nodeNames.set(graph, (names = new Set(graph.nodes.map(({ name }) => name))));
  return names;
}

/** `name`, or the first of `name_1`, `name_2`, … that no node of the graph has, and now belongs to one. No name stays none. */
function freshNodeName(graph: Graph, name: string): string {
  if (name === '') return '';
  const names = nodeNamesOf(graph);
  const fresh = untaken(name, name => names.has(name));
  names.add(fresh);
  return fresh;
}

function untaken(name: string, isTaken: (name: string) => boolean): string {
  if (!isTaken(name)) return name;
  for (let i = 1; ; i++) if (!isTaken(`${name}_${i}`)) return `${name}_${i}`;
}

/** Forget initializers that nothing reads (and that are neither graph inputs nor outputs). Returns how many. */
export function removeDeadInitializers(graph: Graph): number {
  const kept = new Set([...graph.inputs, ...graph.outputs]);
  const dead = graph.initializers.filter(value => value.uses.length === 0 && !kept.has(value));
  for (const value of dead) graph.values.delete(value.name);
  return dead.length;
}

function positionOf(graph: Graph, node: Node): number {
  const at = graph.nodes.indexOf(node);
  check(at >= 0, `${node.label} is not in the graph`);
  return at;
}
