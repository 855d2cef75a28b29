import { elementCount } from '../base/tensor.ts';
import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import { constantParameters, type Parameter } from './params.ts';
import type { Unit } from './placement.ts';

/** A constant that one layer adds to its products, so that its int32 encoding is that of the products. */
export interface LayerBias {
  readonly value: Value;
  /** Who reads the constant: the layer itself, or the Add that is one with it. */
  readonly adds: Node;
  /** Who multiplies its first input by its second. */
  readonly multiplies: Node;
}

/** A bias whose int32 encoding is that of the product it is added to. */
export function isDerivedBias({ opType }: Node, { name }: Parameter): boolean {
  return name === 'bias' && (opType === 'Conv' || opType === 'ConvTranspose' || opType === 'Gemm');
}

/**
 * The biases of a graph's layers, in its order: those that Conv, ConvTranspose and Gemm have as a parameter, and those that an Add brings to a
 * MatMul by a constant matrix where both are in one of `units`.
 */
export function layerBiases({ nodes }: Graph, units: readonly Unit[]): LayerBias[] {
  const unitOf = new Map(units.flatMap(unit => unit.nodes.map(label => [label, unit] as const)));
  const isOneUnit = (a: Node, b: Node) => unitOf.has(a.label) && unitOf.get(a.label) === unitOf.get(b.label);
  return nodes.flatMap(node => {
    const bias = constantParameters(node).find(({ parameter }) => isDerivedBias(node, parameter))?.value;
    if (bias !== undefined) return [{ value: bias, adds: node, multiplies: node }];
    const added = biasedProduct(node);
    return added !== null && isOneUnit(node, added.multiplies) ? [{ ...added, adds: node }] : [];
  });
}

/** The biases as values: parameters of their layers, so no operands of whoever else reads them. */
export function biasValues(biases: readonly LayerBias[]): ReadonlySet<Value> {
  return new Set(biases.map(({ value }) => value));
}

/**
 * The MatMul by a constant matrix that an Add brings a bias to: a constant with an element for each column, or one for all, and no dimension but
 * the last. null for any other node.
 */
function biasedProduct({ opType, domain, inputs }: Node): Omit<LayerBias, 'adds'> | null {
  if (opType !== 'Add' || domain !== '') return null;
  const product = inputs.find(input => input?.producer?.opType === 'MatMul' && input.producer.domain === '')?.producer;
  const value = inputs.find(input => input != null && input.initializer !== null);
  const matrix = product?.inputs[1]?.initializer?.dims ?? [];
  if (!product || !value || matrix.length < 2) return null;
  const elements = elementCount(value.initializer!.dims);
  return elements === (value.initializer!.dims.at(-1) ?? 1) && (elements === 1 || elements === matrix.at(-1)) ? { value, multiplies: product } : null;
}
