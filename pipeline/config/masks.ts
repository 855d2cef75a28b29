import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import { movedInput } from './data-movement.ts';

/** From here down a constant stands for "left out": exporters write -10000, -1e9, the lowest float, or -Infinity before a Softmax. */
const LEFT_OUT = -1e4;

export const MASKED = 'it holds a mask: numbers that stand for "left out", beside which no grid keeps the others';

/**
 * The values in which some elements are replaced, or shifted, by a number that stands for "left out": masks, what they are added to, and
 * what these are moved to. A range that held such numbers would leave no step for the others, and one that did not would let them in again.
 *
 *   Where (condition, scores, mask)    Add (scores, mask)    Sub    Mul (what is left out, mask)    Cast, and data movement
 */
export function maskedValues({ nodes }: Graph): ReadonlySet<Value> {
  const masked = new Set<Value>();
  const isMask = (value: Value | null) => value !== null && (masked.has(value) || holdsLeftOut(value));
  for (const node of nodes) {
    if (!carriedInputs(node).some(isMask)) continue;
    for (const output of node.outputs) if (output !== null) masked.add(output);
  }
  return masked;
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
