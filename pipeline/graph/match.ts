import { elementCount } from '../base/tensor.ts';
import type { Graph } from './graph.ts';
import type { Node, Value } from './node.ts';

/** What a pattern has matched so far: the nodes, and the values by the names that {@link anything} gave them. */
export interface Match {
  readonly nodes: readonly Node[];
  readonly bound: ReadonlyMap<string, Value>;
}

/**
 * A shape of operators that ends in a value. Given the value and what was matched before, it returns every way to match
 * (none where it does not), so that commutative inputs and alternatives may be tried in turn.
 *
 *     const x = anything('x');
 *     const swish = op('Mul', x, op('Sigmoid', x));
 */
export type Pattern = (value: Value, match: Match) => readonly Match[];

const COMMUTATIVE: ReadonlySet<string> = new Set(['Add', 'Mul']);
/** Constants in exported models are float32, some of them products of float32 constants. */
const SCALAR_TOLERANCE = 1e-3;

/**
 * The ways in which `pattern` ends in the first output of `node` as one closed piece: what is computed inside is read inside only, and is no
 * graph output.
 */
export function matchesAt(graph: Graph, node: Node, pattern: Pattern): readonly Match[] {
  const output = node.outputs[0];
  if (!output) return [];
  return pattern(output, { nodes: [], bound: new Map() }).filter(match => isClosed(graph, match, output));
}

function isClosed({ outputs }: Graph, { nodes }: Match, end: Value): boolean {
  return nodes.every(node => node.outputs.every(value =>
    value === null || value === end || (!outputs.includes(value) && value.uses.every(use => use.index >= 0 && nodes.includes(use.node)))));
}

/** Any value, and the same one wherever the name is used again. */
export function anything(name: string): Pattern {
  return (value, match) => {
    const before = match.bound.get(name);
    if (before !== undefined) return before === value ? [match] : [];
    return [{ ...match, bound: new Map(match.bound).set(name, value) }];
  };
}

/** The first output of a standard operator with these inputs; further inputs must be constants. Add and Mul take theirs in either order. */
export function op(opType: string, ...inputs: readonly Pattern[]): Pattern {
  const order = inputs.map((_, index) => index);
  const orders = COMMUTATIVE.has(opType) ? [order, [...order].reverse()] : [order];
  return (value, match) => {
    const node = value.producer;
    if (node === null || node.opType !== opType || node.domain !== '' || node.outputs[0] !== value) return [];
    if (!node.inputs.slice(inputs.length).every(extra => extra === null || extra.initializer !== null)) return [];
    const start = [{ ...match, nodes: match.nodes.includes(node) ? match.nodes : [...match.nodes, node] }];
    return orders.flatMap(at => inputs.reduce<readonly Match[]>((matches, pattern, index) => {
      const input = node.inputs[at[index]!];
      return input ? matches.flatMap(before => pattern(input, before)) : [];
    }, start));
  };
}

export function oneOf(...patterns: readonly Pattern[]): Pattern {
  return (value, match) => patterns.flatMap(pattern => pattern(value, match));
}

/** A pattern whose value must also satisfy `condition`, which is asked only where the pattern matches. */
export function where(pattern: Pattern, condition: (value: Value) => boolean): Pattern {
  return (value, match) => {
    const matches = pattern(value, match);
    return matches.length > 0 && condition(value) ? matches : [];
  };
}

/** An initializer, of the given rank where one is given. */
export function constant(rank?: number): Pattern {
  return ({ initializer }, match) => (initializer !== null && (rank === undefined || initializer.dims.length === rank) ? [match] : []);
}

/** A constant of one element with this value. */
export function scalar(expected: number): Pattern {
  return (value, match) => {
    const found = scalarOf(value);
    return found !== null && isNear(found, expected) ? [match] : [];
  };
}

/** The value of a float constant of one element; null for anything else. */
export function scalarOf({ initializer }: Value): number | null {
  if (initializer === null || elementCount(initializer.dims) !== 1) return null;
  const { data } = initializer.read();
  return data instanceof Float32Array || data instanceof Float64Array ? data[0]! : null;
}

/** Whether a value of one element leaves the shape of what it is multiplied with: it has no dimension, or no more than `other` is known to have. */
export function keepsRank(scalar: Value, other: Value): boolean {
  const rank = (scalar.initializer?.dims ?? scalar.type?.shape)?.length;
  return rank !== undefined && rank <= (other.type?.shape?.length ?? 0);
}

export function isNear(found: number, expected: number): boolean {
  return Math.abs(found - expected) <= SCALAR_TOLERANCE * Math.abs(expected);
}

/** The product of these factors, multiplied in any order. A number is a constant factor, or a division by its inverse. */
export function product(...factors: readonly (Pattern | number)[]): Pattern {
  const [first] = factors;
  if (factors.length === 1) return typeof first === 'number' ? scalar(first) : first!;
  const multiplied = splits(factors).map(([left, right]) => op('Mul', product(...left), product(...right)));
  const divided = factors.flatMap((factor, index) => typeof factor === 'number' ? [op('Div', product(...factors.toSpliced(index, 1)), scalar(1 / factor))] : []);
  return oneOf(...multiplied, ...divided);
}

/** Every way to part a list in two that are not empty, without regard to which is which. */
function splits<Item>(items: readonly Item[]): [Item[], Item[]][] {
  const sides = Array.from({ length: 2 ** (items.length - 1) - 1 }, (_, side) => side);
  return sides.map(side => {
    const isRight = (index: number) => index > 0 && ((side >> (index - 1)) & 1) === 0;
    return [items.filter((_, index) => !isRight(index)), items.filter((_, index) => isRight(index))];
  });
}
