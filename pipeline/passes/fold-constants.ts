import { removeDeadInitializers, replaceByInitializer } from '../graph/edit.ts';
import type { Model } from '../graph/graph.ts';
import { initializerOf } from '../graph/node.ts';
import { cast } from './evaluate/cast.ts';
import { elementwise } from './evaluate/elementwise.ts';
import type { EvaluatorTable } from './evaluate/evaluator.ts';
import { movement } from './evaluate/movement.ts';
import type { PassResult } from './pass.ts';

const evaluators: EvaluatorTable = { ...elementwise, ...movement, ...cast };

/**
 * Compute the small chains of nodes that exporters write around weights, bounds and shapes.
 *
 * 1. A node of the table (Cast, Transpose, Reshape, Squeeze, Unsqueeze, Add, Sub, Mul, Div, Pow, Neg, Abs, Sqrt,
 *    Reciprocal) that reads initializers only becomes an initializer under the name of its output.
 * 2. Nodes are in topological order, so a chain folds in one sweep. Initializers that only the chain read are forgotten.
 *
 * Identity is not in the table: removing it lets tied weights stay one weight.
 *
 * Left alone: a result that is a graph output; what reads an initializer that is a graph input (a default, not a
 * constant); arithmetic of more than 2^20 elements; casts whose value does not fit the target type.
 */
export function foldConstants({ graph }: Model): PassResult {
  const open = new Set([...graph.inputs, ...graph.outputs]);
  let rewrites = 0;
  for (const node of [...graph.nodes]) {
    if (open.has(node.outputs[0]!) || node.inputs.some(input => input !== null && (input.initializer === null || open.has(input)))) continue;
    const evaluate = node.domain === '' && Object.hasOwn(evaluators, node.opType) ? evaluators[node.opType] : undefined;
    const result = evaluate?.(node, node.inputs.map(input => input?.initializer?.read() ?? null));
    if (!result) continue;
    replaceByInitializer(graph, node, initializerOf(result));
    rewrites++;
  }
  if (rewrites > 0) removeDeadInitializers(graph);
  return { rewrites };
}
