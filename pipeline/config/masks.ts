import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import { movedInput } from './data-movement.ts';

/** From here down a constant stands for "left out": exporters write -10000, -1e9, the lowest float, or -Infinity before a Softmax. */
export const LEFT_OUT = -1e4;

export const MASKED = 'it holds a mask: numbers that stand for "left out", beside which no grid keeps the others';

/**
 * The values on their way to a Softmax in which some elements are replaced, or shifted, by a number that stands for "left out": masks, what
 * they are added to, and what these are moved to. A range that held such numbers would leave no step for the others, and one that did
 * not would let them in again. Elsewhere a large negative number is a value like any other.
 *
 *   Where (condition, scores, mask)    Add (scores, mask)    Sub    Mul (what is left out, mask)    Cast, and data movement
 */
export function maskedValues({ nodes }: Graph): ReadonlySet<Value> {
  const towards = towardsSoftmax(nodes);
  const masked = new Set<Value>();
  const isMask = (value: Value | null) => value !== null && towards.has(value) && (masked.has(value) || holdsLeftOut(value));
  for (const node of nodes) {
    if (!carriedInputs(node).some(isMask)) continue;
    for (const output of node.outputs) if (output !== null && towards.has(output)) masked.add(output);
  }
  return masked;
}

/** What reaches a Softmax, or the Exp of one that is written out, through nothing but operators that carry masks. */
function towardsSoftmax(nodes: readonly Node[]): ReadonlySet<Value> {
  const towards = new Set<Value>();
  for (const node of nodes.toReversed()) {
    const isSoftmax = node.domain === '' && (node.opType === 'Softmax' || node.opType === 'LogSoftmax' || node.opType === 'Exp');
    const isOnTheWay = node.outputs.some(output => output !== null && towards.has(output));
    for (const input of isSoftmax ? node.inputs.slice(0, 1) : isOnTheWay ? carriedInputs(node) : []) if (input !== null) towards.add(input);
  }
  return towards;
}

/** The inputs whose masks come out again. */
function carriedInputs(node: Node): readonly (Value | null)[] {
  if (node.domain !== '') return [];
  switch (node.opType) {
    case 'Where': return node.inputs.slice(1);
    case 'Add': case 'Sub': case 'Mul': return node.inputs;
    case 'Cast': return node.inputs;
    default: return [movedInput(node)];
  }
}

function holdsLeftOut({ initializer }: Value): boolean {
  if (initializer?.dtype !== 'float32') return false;
  return (initializer.read().data as Float32Array).some(x => x <= LEFT_OUT);
}
