import type { Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/node.ts';

/**
 * Computes what `node` would give for constant inputs (null where an optional one is absent), as the engine would.
 * null: this case is not evaluated here, and the node stays.
 */
export type Evaluator = (node: Node, inputs: readonly (Tensor | null)[]) => Tensor | null;

/** Evaluators by operator of the standard domain. */
export type EvaluatorTable = Readonly<Record<string, Evaluator>>;
