import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import { movedInput } from './data-movement.ts';
import { mayBeQuantized } from './element-kind.ts';
import type { QuantsimConfig } from './quantsim-config.ts';

/**
 * Which tensors share one encoding: the output of a data-movement operator has that of its input, whose values it holds. The first of such
 * tensors is the root; only it is observed, and settings of the others are settings of it.
 *
 * An operator that `op_type` gives a quantized output is no data movement: its output has an encoding of its own.
 */
export class TiedTensors {
  readonly #roots = new Map<Value, Value>();
  readonly #movers = new Set<Node>();

  /** @param inner values inside a unit, which have no quantizer to share */
  constructor(graph: Graph, config: QuantsimConfig, inner: { has(value: Value): boolean }) {
    for (const node of graph.nodes) {
      const input = movedInput(node);
      if (input === null || inner.has(input) || !mayBeQuantized(input) || config.opTypes.get(node.opType)?.isOutputQuantized === true) continue;
      this.#movers.add(node);
      for (const output of node.outputs) if (output !== null && mayBeQuantized(output)) this.#roots.set(output, this.rootOf(input));
    }
  }

  rootOf(value: Value): Value {
    return this.#roots.get(value) ?? value;
  }

  /** Whether a node only moves values from its input to its outputs. */
  isMover(node: Node): boolean {
    return this.#movers.has(node);
  }
}
