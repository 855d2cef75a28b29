import { check } from '../base/check.ts';
import type { Graph } from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { constantsToInitializers } from './constants-to-initializers.ts';
import { inferTypes } from './infer-types.ts';
import type { Pass } from './pass.ts';
import type { FormChange } from './raise/form-change.ts';
import { groupNormalizationChanges } from './raise/group-normalization.ts';
import { listChanges } from './raise/lists.ts';
import { oldestChanges } from './raise/oldest.ts';
import { otherChanges } from './raise/others.ts';
import { resizeChanges } from './raise/resize.ts';
import { scanChanges } from './raise/scan.ts';
import { softmaxChanges } from './raise/softmax.ts';

/** The rules are complete up to this version. */
const NEWEST = 21;

const changes: readonly FormChange[] = [...oldestChanges, ...listChanges, ...softmaxChanges, ...resizeChanges, ...groupNormalizationChanges, ...scanChanges, ...otherChanges];

/**
 * Raise a model below version `to` of the standard operator set (13 to 21), however old, to that version. A model that is there stays as it is.
 *
 * 1. A node whose operator has to be written differently since then is rewritten, version by version, by the rules in raise/.
 * 2. All other changes up to opset 21 only widened what an operator accepts; the node stays as it is.
 * 3. So are the nodes of subgraphs.
 * 4. What has no newer form, or none that a rule knows, is refused: `op-unsupported` names the node, its operator and the opset.
 *
 * Constants must be initializers and ranks inferred where they can be: without a rank, Softmax needs two nodes more.
 * A rewrite is a rule applied to a node; raising the version is one more.
 */
export function raiseOpset(to = 13): Pass {
  check(to >= 13 && to <= NEWEST, `opset ${to} is not between 13 and ${NEWEST}`);
  return function raiseOpset({ graph, opsets }) {
    const from = opsets.get('') ?? to;
    if (from >= to) return { rewrites: 0 };
    let rewrites = 1;
    rewrites += raiseGraph(graph, from, to);
    opsets.set('', to);
    return { rewrites };
  };
}

function raiseGraph(graph: Graph, from: number, to: number): number {
  let rewrites = 0;
  for (const node of [...graph.nodes]) {
    rewrites += raiseSubgraphs(graph, node, from, to);
    if (node.domain === '') rewrites += raiseNode(graph, node, from, to);
  }
  return rewrites;
}

/** Raise the graphs that `node` runs: they are of the model's version too. */
function raiseSubgraphs(graph: Graph, node: Node, from: number, to: number): number {
  let rewrites = 0;
  for (const [name, attribute] of node.attributes) {
    if (attribute.kind !== 'graph') continue;
    const inner = attribute.value.read(graph);
    const model = { graph: inner, opsets: new Map(), origin: null };
    constantsToInitializers(model);
    inferTypes(model);
    const changes = raiseGraph(inner, from, to);
    if (changes === 0) continue;
    node.attributes.set(name, { kind: 'graph', value: { read: () => inner } });
    for (const value of [...inner.values.keys(), ...inner.innerNames]) if (!graph.values.has(value)) graph.innerNames.add(value);
    rewrites += changes;
  }
  return rewrites;
}

function raiseNode(graph: Graph, node: Node, from: number, to: number): number {
  let rewrites = 0;
  for (let change = next(node, from, to); change; change = next(node, change.since, to)) {
    node = change.rewrite(graph, node);
    rewrites++;
  }
  return rewrites;
}

/** The earliest change of `node`'s operator after version `from` and up to `to`. */
function next({ opType }: Node, from: number, to: number): FormChange | undefined {
  return changes.filter(change => change.opType === opType && change.since > from && change.since <= to)
    .sort((a, b) => a.since - b.since)[0];
}
