import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import { type Composite, COMPOSITES, findComposites } from './composites.ts';
import type { Rule } from './placement.ts';
import type { QuantsimConfig } from './quantsim-config.ts';

/** A node, or the nodes of a composite, seen as one operator. This is the graph that the configuration speaks of. */
export interface Operator {
  /** The ONNX operator it is, which for a composite no node has to be. */
  readonly opType: string;
  /** What the file calls that operator, where raising the opset renamed it. */
  readonly formerType: string | null;
  /** What it is called: the operator type, or the name of the composite. */
  readonly kind: string;
  /** In the order of the graph. */
  readonly nodes: readonly Node[];
  readonly isComposite: boolean;
  /** Why the nodes of a composite are kept together; null for a node. */
  readonly rule: Rule | null;
}

/** The operators of a graph and which of them every node belongs to. */
export class Operators {
  /** In the order of their last nodes. */
  readonly all: readonly Operator[];
  readonly #byNode = new Map<Node, Operator>();

  /** @param isAimet whether only those composites are kept together that AIMET keeps: those of its list of passes, and a product with its bias */
  constructor(graph: Graph, config: QuantsimConfig, isAimet = false) {
    const rules = new Map(COMPOSITES.map(composite => [composite.kind, ruleFor(composite, config, isAimet)]));
    const wanted = COMPOSITES.filter(({ kind }) => rules.get(kind) !== null);
    for (const { kind, opType, nodes } of findComposites(graph, wanted)) this.#add({ opType, formerType: null, kind, nodes, isComposite: true, rule: rules.get(kind)! });
    for (const node of graph.nodes) if (!this.#byNode.has(node)) this.#add({ opType: node.opType, formerType: node.formerType, kind: node.opType, nodes: [node], isComposite: false, rule: null });
    this.all = graph.nodes.filter(node => this.of(node).nodes.at(-1) === node).map(node => this.of(node));
  }

  #add(operator: Operator): void {
    for (const node of operator.nodes) this.#byNode.set(node, operator);
  }

  of(node: Node): Operator {
    return this.#byNode.get(node)!;
  }

  /** The operator that computes a value and shows it to others; null for graph inputs, constants, and what is inside a composite. */
  producerOf(value: Value): Operator | null {
    if (value.producer === null) return null;
    const operator = this.of(value.producer);
    return outputsOf(operator).includes(value) ? operator : null;
  }

  /** The operators that read a value, each once. */
  consumersOf({ uses }: Value): Operator[] {
    return [...new Set(uses.map(({ node }) => this.of(node)))];
  }
}

/**
 * Why a composite is looked for: by its own key, which is on for most where nothing is said; by AIMET's list of passes; or, with AIMET's
 * placement, by AIMET's exception for a product and its bias. null where it is not.
 */
function ruleFor({ kind, pass, onRequest = false }: Composite, { composites, passes }: QuantsimConfig, isAimet: boolean): Rule | null {
  const said = composites.get(kind) ?? null;
  if (said === false) return null;
  if (said === true || (!isAimet && !onRequest)) return { section: 'supergroups', path: `composites.${kind}` };
  const index = pass === undefined ? -1 : passes.indexOf(pass);
  if (index >= 0) return { section: 'supergroups', path: `${PASS_LIST}[${index}]` };
  return isAimet && kind === 'MatMulAdd' ? { section: 'exception', path: 'Add after MatMul' } : null;
}

const PASS_LIST = 'supergroup_pass_list';

/** Whether a pass made a composite of these nodes: AIMET's supergroups do not look at them any more. */
export function isTakenByPass({ rule }: Operator): boolean {
  return rule !== null && rule.path.startsWith(PASS_LIST);
}

/** The name under which a section of the configuration has an operator: the one that the file has, where the section knows it; else the one it was raised to. */
export function nameIn(section: { has(name: string): boolean }, { opType, formerType }: Pick<Operator, 'opType' | 'formerType'>): string {
  return formerType !== null && section.has(formerType) ? formerType : opType;
}

/** What an operator shows: the outputs of its last node. */
export function outputsOf({ nodes }: Operator): Value[] {
  return nodes.at(-1)!.outputs.filter(value => value !== null);
}

/** What an operator reads that it does not compute itself, constants included; each once. */
export function inputsOf({ nodes }: Operator): Value[] {
  const read = nodes.flatMap(({ inputs }) => inputs).filter(value => value !== null);
  return [...new Set(read)].filter(({ producer }) => producer === null || !nodes.includes(producer));
}
