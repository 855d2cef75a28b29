import { intOf } from '../graph/attribute.ts';
import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import type { Rule, Unit } from './placement.ts';
import { isTakenByPass, nameIn, type Operator, type Operators, outputsOf } from './operators.ts';
import type { QuantsimConfig, Supergroup } from './quantsim-config.ts';

/** Operator types that are kept together, and the rule that says so. */
interface Pattern {
  readonly opTypes: readonly string[];
  readonly rule: Rule;
}

/** Operators with one quantizer, at the end of the last. */
interface Chain {
  readonly operators: readonly Operator[];
  readonly rule: Rule;
}

/** What is kept together, and the values inside that therefore have no quantizer, each with its unit. */
export interface Units {
  readonly units: readonly Unit[];
  readonly inner: ReadonlyMap<Value, Unit>;
  /** Nodes whose parameters are a part of something else: of a composite, or, folded, of the layer before. */
  readonly absorbed: ReadonlySet<Node>;
}

/** Whether a list means an operator by this name: see {@link nameIn}. */
type Naming = (operator: Operator, opType: string) => boolean;

/** Operators that a BatchNormalization after them can be folded into. */
const LAYERS: readonly string[] = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul'];
const NORMALIZATION = 'BatchNormalization';
/** Operators that read all their inputs as data, in whatever order. */
const COMMUTATIVE: ReadonlySet<string> = new Set(['Add', 'Mul', 'Max', 'Min', 'Sum', 'Mean']);

/**
 * Find the units of a graph: composites, and chains that a supergroup lists. Longer lists are matched first, then earlier ones; an operator
 * is in one chain at most. A value inside a chain is read by the next operator only, and is no graph output. A BatchNormalization after a
 * layer is a part of it, whether it was folded or not.
 *
 * @param isExempt operators that no list matches
 */
export function findUnits(graph: Graph, operators: Operators, config: QuantsimConfig, isExempt: (operator: Operator) => boolean = () => false): Units {
  const listed = new Set(config.supergroups.flatMap(({ opTypes }) => opTypes));
  const isA: Naming = (operator, opType) => nameIn(listed, operator) === opType;
  const chains = findChains(graph, operators, patternsOf(config.supergroups), isA, isExempt);
  const chained = new Set(chains.flatMap(chain => chain.operators));
  const alone = operators.all.filter(operator => operator.isComposite && !chained.has(operator))
    .map((operator): Chain => ({ operators: [operator], rule: operator.rule! }));
  const inner = new Map<Value, Unit>();
  const position = new Map(graph.nodes.map((node, index) => [node, index]));
  const inOrder = (nodes: readonly Node[]) => nodes.toSorted((a, b) => position.get(a)! - position.get(b)!);
  const found = [...chains, ...alone].map(({ operators, rule }) => ({ operators, rule, nodes: inOrder(operators.flatMap(({ nodes }) => nodes)) }));
  const units = found.sort((a, b) => position.get(a.nodes.at(-1)!)! - position.get(b.nodes.at(-1)!)!).map(({ operators, rule, nodes }) => {
    const unit = unitOf(operators, nodes, rule);
    for (const output of nodes.flatMap(({ outputs }) => outputs)) if (output !== null && output.name !== unit.output) inner.set(output, unit);
    return unit;
  });
  return { units, inner, absorbed: new Set([...operators.all.flatMap(absorbedIn), ...chains.flatMap(foldedIn)]) };
}

/** Operators that AIMET keeps out of supergroups for the Hexagon: depthwise and three-dimensional convolutions. */
export function isExemptOnHexagon({ nodes: [node] }: Operator): boolean {
  const weight = node!.inputs[1];
  const dims = weight?.initializer?.dims ?? weight?.type?.shape;
  if ((node!.opType !== 'Conv' && node!.opType !== 'ConvTranspose') || dims == null) return false;
  const groups = intOf(node!, 'group', 1);
  return dims.length === 5 || (groups > 1 && (node!.opType === 'Conv' ? dims[1] === 1 : dims[0] === groups));
}

function unitOf(operators: readonly Operator[], nodes: readonly Node[], rule: Rule): Unit {
  return { kind: operators.map(({ kind }) => kind).join('+'), nodes: nodes.map(({ label }) => label), output: outputsOf(operators.at(-1)!)[0]!.name, rule };
}

/** A product keeps its weight, whatever is kept together with it. */
function absorbedIn({ isComposite, opType, nodes }: Operator): readonly Node[] {
  return isComposite && opType !== 'MatMul' ? nodes : [];
}

/** A normalization right after a layer is treated as folded into it. */
function foldedIn({ operators: [first, second] }: Chain): readonly Node[] {
  return second?.opType === NORMALIZATION && LAYERS.includes(first!.opType) ? second.nodes : [];
}

function findChains(graph: Graph, operators: Operators, patterns: readonly Pattern[], isA: Naming, isExempt: (operator: Operator) => boolean): Chain[] {
  const taken = new Set<Operator>();
  return patterns.flatMap(({ opTypes, rule }) => operators.all.flatMap(first => {
    const chain = chainFrom(graph, operators, first, opTypes, isA);
    if (chain === null || chain.some(operator => taken.has(operator) || isExempt(operator))) return [];
    chain.forEach(operator => taken.add(operator));
    return [{ operators: chain, rule }];
  }));
}

/** The lists, longest first; each also with the BatchNormalization of its layer where it has none, and without where it has. */
function patternsOf(supergroups: readonly Supergroup[]): Pattern[] {
  const listed = supergroups.flatMap(({ opTypes, path }): Pattern[] => {
    const without = opTypes.filter((opType, index) => opType !== NORMALIZATION || !LAYERS.includes(opTypes[index - 1] ?? ''));
    const variants = [opTypes, without, ...(LAYERS.includes(opTypes[0]!) ? [[opTypes[0]!, NORMALIZATION, ...without.slice(1)]] : [])];
    return variants.filter(({ length }) => length > 1).map(opTypes => ({ opTypes, rule: { section: 'supergroups', path } }));
  });
  const layers = LAYERS.map((layer): Pattern => ({ opTypes: [layer, NORMALIZATION], rule: { section: 'exception', path: `${NORMALIZATION} after ${layer}` } }));
  return [...listed, ...layers].sort((a, b) => b.opTypes.length - a.opTypes.length);
}

function chainFrom(graph: Graph, operators: Operators, first: Operator, [firstType, ...rest]: readonly string[], isA: Naming): Operator[] | null {
  if (!isA(first, firstType!) && !isAddition(first, firstType!)) return null;
  const chain = [first];
  for (const opType of rest) {
    const next = onlyReader(graph, operators, chain.at(-1)!);
    if (next === null || !isA(next, opType)) return null;
    chain.push(next);
  }
  return chain;
}

/** A product and its bias begin what a product begins, and what an Add begins unless a pass took that from AIMET's supergroups. */
function isAddition(first: Operator, opType: string): boolean {
  return opType === 'Add' && first.kind === 'MatMulAdd' && !isTakenByPass(first);
}

/** The one operator that reads an operator's only output as data. */
function onlyReader(graph: Graph, operators: Operators, operator: Operator): Operator | null {
  const [value, ...others] = outputsOf(operator);
  if (value === undefined || others.length > 0 || graph.outputs.includes(value)) return null;
  const [reader, ...more] = operators.consumersOf(value);
  if (reader === undefined || more.length > 0) return null;
  return reader.isComposite || COMMUTATIVE.has(reader.opType) || value.uses.every(({ index }) => index === 0) ? reader : null;
}
