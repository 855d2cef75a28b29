import { QuantpipeError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import type { Graph } from './graph.ts';
import type { Initializer, Node } from './node.ts';

/**
 * A graph that a node runs: a branch of If, the body of Loop or Scan. Its values may have no producer and be neither input nor initializer:
 * those are captured from the graph around it, under the same name.
 */
export interface Subgraph {
  /** The graph, whose captures get the types that they have in `outer`. A new one at each call, where it was read from a file. */
  read(outer: Graph): Graph;
}

/**
 * An attribute of a node. `other` is what this program never looks into (lists of graphs, sparse tensors, type
 * protos, references to a function's attributes): it is carried from reader to writer unchanged.
 */
export type Attribute =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'string'; readonly value: Uint8Array }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly bigint[] }
  | { readonly kind: 'strings'; readonly value: readonly Uint8Array[] }
  | { readonly kind: 'tensor'; readonly value: Initializer }
  | { readonly kind: 'graph'; readonly value: Subgraph }
  | { readonly kind: 'other'; readonly origin: unknown };

export const intAttribute = (value: number): Attribute => ({ kind: 'int', value: BigInt(value) });
export const intsAttribute = (values: readonly number[]): Attribute => ({ kind: 'ints', value: values.map(BigInt) });
export const floatAttribute = (value: number): Attribute => ({ kind: 'float', value });
export const stringAttribute = (value: string): Attribute => ({ kind: 'string', value: new TextEncoder().encode(value) });

/** The integer attribute `name`, or `fallback` where the node has none. */
export function intOf(node: Node, name: string, fallback: number): number {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return fallback;
  if (attribute.kind !== 'int') throw wrongKind(node, name, 'an int', attribute);
  return Number(attribute.value);
}

/** The list of integers `name`, or null where the node has none. What is larger than 2^53 is rounded. */
export function intsOf(node: Node, name: string): number[] | null {
  return exactIntsOf(node, name)?.map(Number) ?? null;
}

/** The same, with every bit: "to the end" is often written as the largest int64. */
export function exactIntsOf(node: Node, name: string): readonly bigint[] | null {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return null;
  if (attribute.kind !== 'ints') throw wrongKind(node, name, 'a list of ints', attribute);
  return attribute.value;
}

export function floatOf(node: Node, name: string, fallback: number): number {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return fallback;
  if (attribute.kind !== 'float') throw wrongKind(node, name, 'a float', attribute);
  return attribute.value;
}

export function stringOf(node: Node, name: string, fallback: string): string {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return fallback;
  if (attribute.kind !== 'string') throw wrongKind(node, name, 'a string', attribute);
  return new TextDecoder().decode(attribute.value);
}

export function tensorOf(node: Node, name: string): Tensor | null {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return null;
  if (attribute.kind !== 'tensor') throw wrongKind(node, name, 'a tensor', attribute);
  return attribute.value.read();
}

function wrongKind(node: Node, name: string, expected: string, { kind }: Attribute): QuantpipeError {
  return new QuantpipeError('model-malformed', `attribute '${name}' of ${node.label} must be ${expected}, got ${kind}`);
}
