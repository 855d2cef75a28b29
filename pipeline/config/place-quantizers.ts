import type { Model } from '../graph/graph.ts';
import type { Value } from '../graph/node.ts';
import { PER_TENSOR } from '../quant/granularity.ts';
import { grid, type Grid, type Symmetry } from '../quant/grid.ts';
import { activationSettings, type PlacedGraph } from './activations.ts';
import type { ActivationSetting, ActivationSettings } from './activation-settings.ts';
import { placeBiases } from './bias.ts';
import { mayBeQuantized } from './element-kind.ts';
import { floatNodes, floatTensors, typeWarnings } from './float-report.ts';
import { maskedValues } from './masks.ts';
import { Operators } from './operators.ts';
import type { Placement, Quantizer } from './placement.ts';
import type { Defaults, QuantsimConfig } from './quantsim-config.ts';
import { quantizedOperands, reachedRoots } from './reached.ts';
import { findUnits } from './supergroups.ts';
import { TiedTensors } from './tied-tensors.ts';
import { type WeightSetting, weightSettings } from './weights.ts';

export interface PlacementOptions {
  /** Default 8. */
  readonly weightBitwidth?: number;
  /** Default 8. */
  readonly activationBitwidth?: number;
}

/**
 * Decide which tensors of a prepared model get a quantizer, on which grid, and by which rule: the six sections of the configuration in
 * order, later ones overruling earlier ones. The model is not changed.
 *
 * - Parameters of float32: one quantizer each, however many operators read them; per channel where the operator has channels.
 * - Activations of float32: one quantizer a tensor; graph inputs by model_input, outputs of operators by defaults.ops and op_type.
 * - A unit (a composite operator, a supergroup) has one quantizer, at its end.
 * - The output of a data-movement operator has the encoding of its input, and is not observed.
 * - Constant operands count as activations, without observation; those of composites have none.
 * - An int32 bias follows from its neighbours.
 * - Activations that only operators left in float compute with, and those that hold a mask, have none, whatever the configuration says.
 */
export function placeQuantizers({ graph }: Model, config: QuantsimConfig, options: PlacementOptions = {}): Placement {
  const { weightBitwidth = 8, activationBitwidth = 8 } = options;
  const operators = new Operators(graph, config);
  const { units, inner } = findUnits(graph, operators, config);
  const weights = weightSettings(graph, config);
  const placed: PlacedGraph = { graph, operators, inner, masked: maskedValues(graph), tied: new TiedTensors(graph, config, inner, weights) };
  const activations = activationSettings(placed, config);
  const quantized = quantizedRoots(placed, weights, activations);

  const quantizers = new Map<string, Quantizer>();
  for (const value of inGraphOrder(placed)) {
    const root = placed.tied.rootOf(value);
    if (!quantized.has(root)) continue;
    const weight = weights.get(root);
    const quantizer = weight === undefined
      ? activationQuantizer(value, root, activations.of(root), gridOf(activationBitwidth, activations.of(root).isSymmetric, config.defaults))
      : weightQuantizer(value, root, weight, gridOf(weightBitwidth, weight.isSymmetric, config.defaults));
    quantizers.set(value.name, quantizer);
  }
  return {
    quantizers: [...quantizers.values()],
    biases: placeBiases(graph, quantizers),
    units,
    float: [...floatNodes(graph), ...floatTensors(placed, weights, activations, quantizers)],
    warnings: [...config.warnings, ...typeWarnings(graph)],
  };
}

/** The tensors that decide for those tied to them and that get a quantizer. */
function quantizedRoots(placed: PlacedGraph, weights: ReadonlyMap<Value, WeightSetting>, activations: ActivationSettings): ReadonlySet<Value> {
  const reached = [...reachedRoots(placed)].filter(root => root.initializer === null && !placed.masked.has(root) && activations.of(root).isQuantized);
  const quantized = new Set(reached);
  for (const [value, { isQuantized }] of weights) if (isQuantized) quantized.add(value);
  for (const value of quantizedOperands(placed, quantized)) if (!weights.has(value) && activations.of(value).isQuantized) quantized.add(value);
  return quantized;
}

/** Every tensor that may have a quantizer, in the order of the graph: its inputs, then node by node constants and outputs. */
function inGraphOrder({ graph }: PlacedGraph): Iterable<Value> {
  const values = graph.nodes.flatMap(({ inputs, outputs }) => [...inputs.filter(value => value !== null && value.initializer !== null), ...outputs]);
  return new Set([...graph.inputs, ...values].filter(value => value !== null && mayBeQuantized(value) && isUsed(value, graph.outputs)) as Value[]);
}

function isUsed(value: Value, outputs: readonly Value[]): boolean {
  return value.uses.length > 0 || outputs.includes(value);
}

function activationQuantizer({ name }: Value, root: Value, { constraint, rule }: ActivationSetting, wanted: Grid): Quantizer {
  const isMirrored = constraint !== null && constraint.min !== null && constraint.min === -(constraint.max ?? NaN);
  return {
    tensor: name, role: 'activation', granularity: PER_TENSOR, group: root.name, observed: root.initializer === null ? [root.name] : [],
    grid: isMirrored && wanted.symmetry === 'asymmetric' ? grid(wanted.bitwidth, 'symmetric') : wanted, constraint, rule: rule!,
  };
}

function weightQuantizer(value: Value, root: Value, { granularity, rule }: WeightSetting, wanted: Grid): Quantizer {
  const role = value === root ? 'weight' : 'activation';
  return { tensor: value.name, role, grid: wanted, granularity, group: root.name, observed: [], constraint: null, rule: rule! };
}

function gridOf(bitwidth: number, isSymmetric: boolean, { strictSymmetric, unsignedSymmetric }: Defaults): Grid {
  return grid(bitwidth, isSymmetric ? symmetryOf(strictSymmetric, unsignedSymmetric) : 'asymmetric');
}

function symmetryOf(isStrict: boolean, isUnsigned: boolean): Symmetry {
  return isStrict ? 'strict-symmetric' : isUnsigned ? 'unsigned-symmetric' : 'symmetric';
}
