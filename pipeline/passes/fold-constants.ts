import { removeDeadInitializers, removeNode, replaceByInitializer, replaceUses } from '../graph/edit.ts';
import type { Graph, Model } from '../graph/graph.ts';
import { initializerOf, type Node, type Value } from '../graph/node.ts';
import { cast } from './evaluate/cast.ts';
import { elementwise } from './evaluate/elementwise.ts';
import type { EvaluatorTable } from './evaluate/evaluator.ts';
import { movement } from './evaluate/movement.ts';
import { reductions } from './evaluate/reductions.ts';
import { selection } from './evaluate/selection.ts';
import type { PassResult } from './pass.ts';

const evaluators: EvaluatorTable = { ...elementwise, ...movement, ...selection, ...reductions, ...cast };

/**
 * Compute the small chains of nodes that exporters write around weights, bounds and shapes.
 *
 * 1. A node of the table (Cast, Transpose, Reshape, Squeeze, Unsqueeze, Gather, Slice, Expand, Add, Sub, Mul, Div, Pow, Neg, Abs, Sqrt,
 *    Reciprocal, the usual reductions, BatchNormalization) that reads initializers only becomes an initializer under the name of its output. So a
 *    weight that is standardized or normalized wherever it is read is one constant, and quantized as a weight.
 * 2. A node that computes what one before it did becomes nothing: its readers read the result of that one. So a weight that is
 *    transposed once for every layer that reads it stays one weight.
 * 3. Nodes are in topological order, so a chain folds in one sweep. Initializers that only the chain read are forgotten.
 *
 * Identity is not in the table: removing it lets tied weights stay one weight.
 *
 * Left alone: a result that is a graph output; what reads an initializer that is a graph input (a default, not a
 * constant); a node with a second output that is used; results of more than 2^20 elements that are larger than every operand; casts whose value does not fit the target type.
 */
export function foldConstants({ graph }: Model): PassResult {
  const open = new Set([...graph.inputs, ...graph.outputs]);
  const computed = new Map<string, Value>();
  let rewrites = 0;
  for (const node of [...graph.nodes]) {
    const isUsed = (output: Value | null) => output !== null && (output.uses.length > 0 || open.has(output));
    if (open.has(node.outputs[0]!) || node.outputs.slice(1).some(isUsed) || node.inputs.some(input => input !== null && (input.initializer === null || open.has(input)))) continue;
    const evaluate = node.domain === '' && Object.hasOwn(evaluators, node.opType) ? evaluators[node.opType] : undefined;
    if (evaluate === undefined) continue;
    const key = computationOf(node), before = computed.get(key);
    if (before !== undefined && shareResult(graph, node, before)) {
      rewrites++;
      continue;
    }
    const result = evaluate(node, node.inputs.map(input => input?.initializer?.read() ?? null));
    if (!result) continue;
    computed.set(key, node.outputs[0]!);
    replaceByInitializer(graph, node, initializerOf(result));
    rewrites++;
  }
  if (rewrites > 0) removeDeadInitializers(graph);
  return { rewrites };
}

/** Operator, operands and attributes of a node, as text; attributes of operators in the table are numbers. */
function computationOf({ opType, inputs, attributes }: Node): string {
  const settings = [...attributes].map(([name, attribute]) => [name, attribute.kind, 'value' in attribute ? String(attribute.value) : '']).sort();
  return JSON.stringify([opType, inputs.map(input => input?.name ?? null), settings]);
}

/** Let the readers of `node` read `result`, which is the same, unless a subgraph knows its output by name. */
function shareResult(graph: Graph, node: Node, result: Value): boolean {
  const output = node.outputs[0]!;
  if (output.uses.some(({ index }) => index < 0)) return false;
  replaceUses(output, result);
  removeNode(graph, node);
  return true;
}
