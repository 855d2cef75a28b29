import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import type { ConstantOperands } from './constant-operands.ts';
import { movedInput } from './data-movement.ts';
import { nameIn } from './operators.ts';
import type { QuantsimConfig } from './quantsim-config.ts';
import type { WeightSetting } from './weights.ts';

/**
 * Which tensors share one encoding: the output of a data-movement operator has that of its input, whose values it holds. The first of such
 * tensors is the root; only it is observed, and settings of the others are settings of it.
 *
 * An operator that `op_type` gives a quantized output is no data movement: its output has an encoding of its own. So has what is moved out of a
 * constant that keeps its float values or has an encoding for every channel.
 */
export class TiedTensors {
  readonly #roots = new Map<Value, Value>();
  readonly #movers = new Set<Node>();

  /** @param inner values inside a unit, which share no encoding because they have none */
  constructor(graph: Graph, config: QuantsimConfig, inner: { has(value: Value): boolean }, weights: ReadonlyMap<Value, WeightSetting>, operands: ConstantOperands) {
    for (const node of graph.nodes) {
      const input = movedInput(node);
      if (input === null || config.opTypes.get(nameIn(config.opTypes, node))?.isOutputQuantized === true) continue;
      if ([input, ...node.outputs].some(value => value !== null && inner.has(value)) || !isShareable(input, weights.get(input), operands)) continue;
      this.#movers.add(node);
      for (const output of node.outputs) if (output !== null) this.#roots.set(output, this.rootOf(input));
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

function isShareable(value: Value, weight: WeightSetting | undefined, operands: ConstantOperands): boolean {
  if (weight !== undefined) return weight.isQuantized && weight.granularity.kind === 'tensor';
  return value.initializer === null || operands.reasonForFloat(value) === null;
}
