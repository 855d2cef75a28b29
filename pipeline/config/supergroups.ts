import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import type { Unit } from './placement.ts';
import { type Operator, type Operators, outputsOf } from './operators.ts';
import type { QuantsimConfig, Supergroup } from './quantsim-config.ts';

/** Operators with one quantizer, at the end of the last. */
interface Chain {
  readonly operators: readonly Operator[];
  readonly path: string;
}

/** What is kept together, and the values inside that therefore have no quantizer, each with its unit. */
export interface Units {
  readonly units: readonly Unit[];
  readonly inner: ReadonlyMap<Value, Unit>;
}

/**
 * Find the units of a graph: composites, and chains that a supergroup lists. Longer lists are matched first, then earlier ones; an operator
 * is in one chain at most. A value inside a chain is read by the next operator only, and is no graph output.
 */
export function findUnits(graph: Graph, operators: Operators, config: QuantsimConfig): Units {
  const chains = findChains(graph, operators, config.supergroups);
  const chained = new Set(chains.flatMap(chain => chain.operators));
  const alone = operators.all.filter(operator => operator.isComposite && !chained.has(operator))
    .map(operator => ({ operators: [operator], path: `composites.${operator.opType}` }));
  const inner = new Map<Value, Unit>();
  const position = new Map(graph.nodes.map((node, index) => [node, index]));
  const inOrder = (nodes: readonly Node[]) => nodes.toSorted((a, b) => position.get(a)! - position.get(b)!);
  const found = [...chains, ...alone].map(({ operators, path }) => ({ operators, path, nodes: inOrder(operators.flatMap(({ nodes }) => nodes)) }));
  const units = found.sort((a, b) => position.get(a.nodes.at(-1)!)! - position.get(b.nodes.at(-1)!)!).map(({ operators, path, nodes }) => {
    const unit = unitOf(operators, nodes, path);
    for (const output of nodes.flatMap(({ outputs }) => outputs)) if (output !== null && output.name !== unit.output) inner.set(output, unit);
    return unit;
  });
  return { units, inner };
}

function unitOf(operators: readonly Operator[], nodes: readonly Node[], path: string): Unit {
  return {
    kind: operators.map(({ opType }) => opType).join('+'),
    nodes: nodes.map(({ label }) => label),
    output: outputsOf(operators.at(-1)!)[0]!.name,
    rule: { section: 'supergroups', path },
  };
}

function findChains(graph: Graph, operators: Operators, supergroups: readonly Supergroup[]): Chain[] {
  const taken = new Set<Operator>();
  return longestFirst(supergroups).flatMap(({ opTypes, path }) => operators.all.flatMap(first => {
    const chain = chainFrom(graph, operators, first, opTypes);
    if (chain === null || chain.some(operator => taken.has(operator))) return [];
    chain.forEach(operator => taken.add(operator));
    return [{ operators: chain, path }];
  }));
}

/** A list with BatchNormalization is also one without: the normalization may have been folded. */
function longestFirst(supergroups: readonly Supergroup[]): Supergroup[] {
  const folded = supergroups.map(({ opTypes, path }) => ({ opTypes: opTypes.filter(opType => opType !== 'BatchNormalization'), path }));
  const all = [...supergroups, ...folded.filter(({ opTypes }, index) => opTypes.length > 1 && opTypes.length < supergroups[index]!.opTypes.length)];
  return all.sort((a, b) => b.opTypes.length - a.opTypes.length);
}

function chainFrom(graph: Graph, operators: Operators, first: Operator, [firstType, ...rest]: readonly string[]): Operator[] | null {
  if (first.opType !== firstType) return null;
  const chain = [first];
  for (const opType of rest) {
    const next = onlyReader(graph, operators, chain.at(-1)!);
    if (next?.opType !== opType) return null;
    chain.push(next);
  }
  return chain;
}

/** The one operator that reads an operator's only output as data. */
function onlyReader(graph: Graph, operators: Operators, operator: Operator): Operator | null {
  const [value, ...others] = outputsOf(operator);
  if (value === undefined || others.length > 0 || graph.outputs.includes(value)) return null;
  const [reader, ...more] = operators.consumersOf(value);
  if (reader === undefined || more.length > 0) return null;
  return reader.isComposite || reader.opType === 'Add' || value.uses.every(({ index }) => index === 0) ? reader : null;
}
