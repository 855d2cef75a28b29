import { listed } from '../base/listed.ts';
import { elementCount } from '../base/tensor.ts';
import type { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/node.ts';
import { followsFromShapes } from './shape-arithmetic.ts';
import type { TensorSettings } from './tensor-settings.ts';
import type { PlacedGraph } from './activations.ts';
import type { ConstantOperands } from './constant-operands.ts';
import { elementKind, mayBeQuantized } from './element-kind.ts';
import { biasValues } from './layer-bias.ts';
import { OVERRIDDEN_TO_FLOAT, reasonForFloat } from './left-in-float.ts';
import { MASKED } from './masks.ts';
import type { LeftInFloat, Rule } from './placement.ts';
import type { WeightSetting } from './weights.ts';

/** The nodes that are left in float. */
export function floatNodes({ nodes }: Graph, isAimet: boolean): LeftInFloat[] {
  return nodes.flatMap(node => {
    const reason = reasonForFloat(node, isAimet);
    return reason === null ? [] : [{ kind: 'node' as const, name: node.label, opType: node.opType, reason }];
  });
}

/** The tensors that might have had a quantizer: graph inputs, outputs of operators, parameters and constant operands. Not what is inside units, nor the biases of layers, of which bias.ts tells. */
export function floatTensors(
  { graph, operators, tied, inner, operands, biases, masked }: PlacedGraph, weights: ReadonlyMap<Value, WeightSetting>, activations: TensorSettings, quantizers: { has(tensor: string): boolean },
): LeftInFloat[] {
  const composites = operators.all.filter(({ isComposite }) => isComposite);
  const partOf = new Map(composites.flatMap(({ kind, nodes }) => nodes.flatMap(({ inputs }) => inputs.filter(value => value !== null && isLearned(value)))
    .map(value => [value!, `part of ${kind} '${nodes.at(-1)!.outputs[0]!.name}'`] as const)));
  const parts = new Set(composites.flatMap(({ nodes }) => nodes.flatMap(({ inputs }) => inputs)));
  const constants = new Set(graph.nodes.flatMap(node => operands.of(node)).filter(value => !parts.has(value)));
  const layerBiases = biasValues(biases);
  const isCandidate = (value: Value) => !inner.has(value) && !layerBiases.has(value) && mayBeQuantized(value) && tied.rootOf(value) === value && !quantizers.has(value.name)
    && (value.initializer === null ? value.uses.length > 0 || graph.outputs.includes(value) : weights.has(value) || constants.has(value) || partOf.has(value));
  return [...graph.values.values()].filter(isCandidate).map(value => ({
    kind: 'tensor', name: value.name, opType: value.producer?.opType ?? (value.initializer === null ? 'input' : 'initializer'), reason: masked.has(value) ? MASKED : (weights.has(value) ? undefined : partOf.get(value)) ?? reasonOf(value, weights.get(value), activations, operands),
  }));
}

/** A constant inside a composite that is more than one of its numbers, such as an epsilon. */
function isLearned({ initializer }: Value): boolean {
  return initializer !== null && elementCount(initializer.dims) > 1;
}

function reasonOf(value: Value, weight: WeightSetting | undefined, activations: TensorSettings, operands: ConstantOperands): string {
  if (weight !== undefined) return offBy(weight.switchedBy);
  const { isQuantized, switchedBy } = activations.of(value);
  if (!isQuantized) return offBy(switchedBy);
  if (followsFromShapes(value)) return 'it follows from shapes alone';
  if (value.initializer === null) return 'only operators that are left in float compute with it';
  return operands.reasonForFloat(value) ?? 'no operator with a quantized output computes with it';
}

function offBy(rule: Rule | null): string {
  if (rule === null) return 'no section of the configuration turns it on';
  return rule.section === 'override' ? OVERRIDDEN_TO_FLOAT : `the configuration turns it off: ${rule.path}`;
}

/** Names in a warning before the rest is counted. */
const NAMES_SHOWN = 5;

/** Tensors whose element type decides for them: floats of other widths, and such as no type was found for. */
export function typeWarnings(graph: Graph): string[] {
  const values = [...graph.values.values()].filter(({ initializer, producer }) => initializer !== null || producer !== null).concat(graph.inputs);
  const named = (kind: string, isNamed = (_: Value) => true) => [...new Set(values.filter(value => elementKind(value) === kind && isNamed(value)))].map(({ name }) => `'${name}'`);
  const [others, unknown] = [named('other-float', value => !isBorder(graph, value)), named('unknown')];
  return [
    ...([...graph.values.values()].some(value => elementKind(value) !== 'other') ? [] : [`nothing is quantized: no tensor of the model is float32; its inputs are ${listed(graph.inputs.map(typed), NAMES_SHOWN)}`]),
    ...(others.length === 0 ? [] : [`only float32 is quantized; ${others.length} tensors of other float types stay as they are: ${listed(others, NAMES_SHOWN)}`]),
    ...(unknown.length === 0 ? [] : [`no element type is known of ${unknown.length} tensors; they are taken for float32: ${listed(unknown, NAMES_SHOWN)}`]),
  ];
}

function typed({ name, type, foreignType }: Value): string {
  return `'${name}' (${type?.dtype ?? foreignType ?? 'of no type'})`;
}

/** A graph input or output that is cast at once: nothing computes with it. */
function isBorder({ inputs, outputs }: Graph, value: Value): boolean {
  const neighbours = value.producer === null ? value.consumers : [value.producer, ...value.consumers];
  return (inputs.includes(value) || outputs.includes(value)) && neighbours.every(({ opType }) => opType === 'Cast');
}
