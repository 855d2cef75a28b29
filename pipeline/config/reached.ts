import type { Value } from '../graph/node.ts';
import type { PlacedGraph } from './activations.ts';
import { followsFromShapes } from './shape-arithmetic.ts';
import { mayBeQuantized } from './element-kind.ts';
import { biasValues } from './layer-bias.ts';
import { reasonForFloat } from './left-in-float.ts';
import { inputsOf, type Operator, outputsOf } from './operators.ts';

/** Whether an operator computes floats from floats on the grid: it is not left in float, and does not only move data. */
function computes({ tied }: PlacedGraph, operator: Operator): boolean {
  return operator.nodes.every(node => reasonForFloat(node) === null && !tied.isMover(node))
    && inputsOf(operator).some(mayBeQuantized) && outputsOf(operator).some(mayBeQuantized);
}

/**
 * The roots of tied tensors that an operator writes or reads that computes on the grid, be it after they were moved around. What only operators
 * that are left in float compute with, such as the input of an LSTM, would lose by a quantizer and gain nothing; nor does what follows from shapes alone. (AIMET asks for none of this.)
 */
export function reachedRoots(placed: PlacedGraph): ReadonlySet<Value> {
  const { graph, operators, tied, isAimet } = placed;
  if (isAimet) return new Set([...graph.values.values()].filter(mayBeQuantized).map(value => tied.rootOf(value)));
  const reached = new Set<Value>();
  const shapes = new Map<Value, boolean>();
  for (const value of graph.values.values()) {
    if (followsFromShapes(value, shapes)) continue;
    const producer = operators.producerOf(value);
    const neighbours = [...(producer === null ? [] : [producer]), ...operators.consumersOf(value)];
    if (neighbours.some(operator => computes(placed, operator))) reached.add(tied.rootOf(value));
  }
  return reached;
}

/**
 * The constants that operators compute with whose result is quantized, directly or after they were moved around, and that survive quantization.
 * What a composite reads is a part of it, and keeps its value; the bias of a layer is a parameter of it, whoever else reads it (see bias.ts). (AIMET
 * does not ask whether the result is quantized.)
 *
 * @param quantized roots of the activations and parameters that have a quantizer
 */
export function quantizedOperands(placed: PlacedGraph, quantized: ReadonlySet<Value>): Value[] {
  const { graph, operators, tied, inner, operands, biases, isAimet } = placed;
  const composites = operators.all.filter(({ isComposite }) => isComposite);
  const parts = new Set([...composites.flatMap(({ nodes }) => nodes.flatMap(({ inputs }) => inputs)), ...biasValues(biases)]);
  const wanted = new Set<Value>();
  for (const operator of operators.all.filter(operator => isAimet || computes(placed, operator))) {
    if (!isAimet && !outputsOf(operator).some(value => inner.has(value) || quantized.has(value))) continue;
    for (const value of operator.nodes.flatMap(({ inputs }) => inputs)) {
      const root = value && tied.rootOf(value);
      if (root && root.initializer !== null && !parts.has(root) && (root !== value || operator.nodes.flatMap(node => operands.of(node)).includes(root))) wanted.add(root);
    }
  }
  return graph.initializers.filter(value => wanted.has(value) && operands.reasonForFloat(value) === null);
}
