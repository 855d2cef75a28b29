import { listedNames } from '../base/listed.ts';
import type { Model } from '../graph/graph.ts';
import type { Value } from '../graph/node.ts';
import { PER_TENSOR } from '../quant/granularity.ts';
import { grid, type Grid, type Symmetry } from '../quant/grid.ts';
import { largestMultiple } from '../quant/lpbq.ts';
import { activationSettings, type PlacedGraph } from './activations.ts';
import { applyOverrides } from './apply-overrides.ts';
import { placeBiases, sharedBiasWarnings } from './bias.ts';
import { ALL_OPERANDS, ARITHMETIC_OPERANDS } from './constant-operands.ts';
import type { BlockOptions } from './divisions.ts';
import { mayBeQuantized } from './element-kind.ts';
import { floatNodes, floatTensors, typeWarnings } from './float-report.ts';
import { applyHardwareRules } from './hardware.ts';
import { layerBiases } from './layer-bias.ts';
import { operatorWarnings, OVERRIDDEN_TO_FLOAT } from './left-in-float.ts';
import { maskedValues } from './masks.ts';
import { MergedEncodings } from './merged-encodings.ts';
import { Operators } from './operators.ts';
import type { Override } from './override.ts';
import type { FloatQuantizer, Placement, Quantizer, Undivided } from './placement.ts';
import type { Defaults, QuantsimConfig } from './quantsim-config.ts';
import { quantizedOperands, reachedRoots } from './reached.ts';
import { findUnits, isExemptOnHexagon } from './supergroups.ts';
import { type Bitwidths, modelBitwidths } from './supported-kernels.ts';
import type { TensorSetting, TensorSettings } from './tensor-settings.ts';
import { TiedTensors } from './tied-tensors.ts';
import { type WeightSetting, weightSettings } from './weights.ts';

export interface PlacementOptions {
  /** 2 to 32. Default: that of the first kernel the configuration lists, else 8. */
  readonly weightBitwidth?: number;
  /** 4 to 32. Default: that of the first kernel the configuration lists, else 8. */
  readonly activationBitwidth?: number;
  /** Weights in a 16-bit floating-point format instead of integers. */
  readonly weightFormat?: FloatQuantizer['format'];
  /** Activations likewise. */
  readonly activationFormat?: FloatQuantizer['format'];
  readonly blocks?: BlockOptions;
  /** false leaves the biases of layers in float. Default true: int32. */
  readonly quantizeBias?: boolean;
  /** What is said of single tensors, on top of the configuration. */
  readonly overrides?: readonly Override[];
  /** Put quantizers where AIMET puts them, also where runtimes have none. Default false. */
  readonly aimetPlacement?: boolean;
}

/**
 * Decide which tensors of a prepared model get a quantizer, on which grid, and by which rule: the six sections of the configuration in
 * order, later ones overruling earlier ones, then the exceptions of the hardware, then overrides of single tensors, then the encodings that
 * tensors share. The model is not changed.
 *
 * - Parameters of float32: one quantizer each, however many operators read them; per channel where the operator has channels.
 * - Activations of float32: one quantizer a tensor; graph inputs by model_input, outputs of operators by defaults.ops and op_type.
 * - A unit (a composite operator, a supergroup) has one quantizer, at its end.
 * - The output of a data-movement operator has the encoding of its input, and is not observed.
 * - Constant operands count as activations, without observation; those of composites have none.
 * - An int32 bias follows from its neighbours; that of a MatMul is the constant that an Add in the same unit brings to it.
 * - In a 16-bit floating-point format, tensors have neither grid nor observation.
 * - Activations that only operators left in float compute with, and those that hold a mask, have none, whatever the configuration says.
 *
 * With `aimetPlacement` only those composites are units that AIMET knows, depthwise convolutions are in no supergroup of a Hexagon, and
 * every float32 constant and activation counts, whoever computes with it.
 */
export function placeQuantizers(model: Model, config: QuantsimConfig, options: PlacementOptions = {}): Placement {
  const { graph } = model;
  const { weightFormat, weightBitwidth, activationFormat, activationBitwidth, blocks = null, quantizeBias = true, aimetPlacement = false } = options;
  const bitwidths = modelBitwidths(config, { weight: weightFormat ?? weightBitwidth ?? null, activation: activationFormat ?? activationBitwidth ?? null });
  if (blocks?.decompressedBitwidth != null) largestMultiple(bitwidths.weight.bitwidth, blocks.decompressedBitwidth); // refuses what does not decompress
  const { placed, units, weights } = seenBy(model, config, bitwidths, aimetPlacement, blocks);
  const activations = activationSettings(placed, config, bitwidths);
  const quantized = quantizedRoots(placed, weights, activations);
  const exceptions = applyHardwareRules({ placed, config, activations, weights, quantized });
  const { roots: overridden, floatBiases } = applyOverrides({ placed, activations, weights, quantized }, options.overrides ?? []);
  const merged = new MergedEncodings(placed, config, activations, new Set([...quantized].filter(value => !overridden.has(value) && !weights.has(value) && activations.of(value).format === null)));

  const quantizers = new Map<string, Quantizer>();
  const floats: FloatQuantizer[] = [];
  const values = [...inGraphOrder(placed)];
  const position = new Map(values.map((value, index) => [value, index]));
  for (const value of values) {
    const root = placed.tied.rootOf(value);
    if (!quantized.has(root)) continue;
    const weight = weights.get(root);
    const { format, rule } = weight ?? merged.settingOf(root);
    if (format !== null) {
      if (weight === undefined || value === root) floats.push({ tensor: value.name, role: weight === undefined ? 'activation' : 'weight', format, rule: rule! });
      continue;
    }
    const sharing = merged.groupOf(root).toSorted((a, b) => position.get(a)! - position.get(b)!);
    quantizers.set(value.name, weight === undefined
      ? activationQuantizer(value, sharing, merged.settingOf(root), config.defaults)
      : weightQuantizer(value, root, weight, config.defaults));
  }
  const undivided = undividedWeights(weights, quantizers);
  const placedBiases = placeBiases(placed.biases, quantizers, bias => (floatBiases.has(bias) ? OVERRIDDEN_TO_FLOAT : quantizeBias ? null : 'biases are to stay in float'), floats);
  return {
    quantizers: [...quantizers.values()],
    biases: placedBiases.biases,
    floats,
    untied: [...merged.untied].map(([{ name }, reason]) => ({ tensor: name, reason })),
    undivided,
    units,
    float: [...floatNodes(graph, placed.isAimet), ...floatTensors(placed, weights, activations, new Set([...quantizers.keys(), ...floats.map(({ tensor }) => tensor)])), ...placedBiases.float],
    warnings: [...config.warnings, ...exceptions, ...merged.warnings, ...blockWarnings(weights, blocks), ...undivided.map(undividedWarning), ...sharedBiasWarnings(placed.biases, placedBiases.biases, quantizers), ...operatorWarnings(graph), ...typeWarnings(graph)],
  };
}

/** The graph as the configuration sees it: what is kept together, what shares an encoding, and what its parameters are. */
function seenBy({ graph }: Model, config: QuantsimConfig, bitwidths: Bitwidths, isAimet: boolean, blocks: BlockOptions | null) {
  const operators = new Operators(graph, config, isAimet);
  const operands = isAimet ? ALL_OPERANDS : ARITHMETIC_OPERANDS;
  const { units, inner, absorbed } = findUnits(graph, operators, config, isAimet && config.defaults.hwVersion !== null ? isExemptOnHexagon : undefined);
  const weights = weightSettings(graph, config, bitwidths, absorbed, isAimet, blocks);
  const masked = isAimet || config.composites.get('MaskedSoftmax') === false ? new Set<Value>() : maskedValues(graph);
  const placed: PlacedGraph = { graph, operators, inner, masked, operands, isAimet, biases: layerBiases(graph, units), tied: new TiedTensors(graph, config, inner, weights, operands) };
  return { placed, units, weights };
}

/** The tensors that decide for those tied to them and that get a quantizer. */
function quantizedRoots(placed: PlacedGraph, weights: ReadonlyMap<Value, WeightSetting>, activations: TensorSettings): Set<Value> {
  const reached = [...reachedRoots(placed)].filter(root => root.initializer === null && !placed.masked.has(root) && activations.of(root).isQuantized);
  const quantized = new Set(reached);
  for (const [value, { isQuantized }] of weights) if (isQuantized) quantized.add(value);
  for (const value of quantizedOperands(placed, quantized)) if (!weights.has(value) && activations.of(value).isQuantized) quantized.add(value);
  return quantized;
}

/** Blocks are asked for and a weight that they would divide is in a floating-point format, which has no encodings to divide. */
function blockWarnings(weights: ReadonlyMap<Value, WeightSetting>, blocks: BlockOptions | null): string[] {
  const floats = [...weights].filter(([, { isQuantized, format, granularity }]) => isQuantized && format !== null && granularity.kind === 'block');
  if (blocks === null || floats.length === 0) return [];
  const names = listedNames(floats.map(([{ name }]) => name));
  return [`blocks of ${blocks.blockSize} are not used for ${floats.length} ${floats.length === 1 ? 'weight' : 'weights'} in ${floats[0]![1].format}, which ${floats.length === 1 ? 'has' : 'have'} no encodings: ${names}`];
}

/** The weights that have one encoding because those who share them disagree, and not because an override says so. */
function undividedWeights(weights: ReadonlyMap<Value, WeightSetting>, quantizers: ReadonlyMap<string, Quantizer>): Undivided[] {
  return [...weights].flatMap(([{ name }, { disagreement }]) => disagreement !== null && quantizers.has(name) ? [{ tensor: name, reason: disagreement }] : []);
}

function undividedWarning({ tensor, reason }: Undivided): string {
  return `weight '${tensor}' is quantized per tensor, because operators that share it would divide it differently: ${reason}`;
}

/** Every tensor that may have a quantizer, in the order of the graph: its inputs, then node by node constants and outputs. */
function inGraphOrder({ graph }: PlacedGraph): Iterable<Value> {
  const values = graph.nodes.flatMap(({ inputs, outputs }) => [...inputs.filter(value => value !== null && value.initializer !== null), ...outputs]);
  return new Set([...graph.inputs, ...values].filter(value => value !== null && mayBeQuantized(value) && isUsed(value, graph.outputs)) as Value[]);
}

function isUsed(value: Value, outputs: readonly Value[]): boolean {
  return value.uses.length > 0 || outputs.includes(value);
}

function activationQuantizer({ name }: Value, sharing: readonly Value[], setting: TensorSetting, defaults: Defaults): Quantizer {
  const { constraint, rule } = setting;
  const isMirrored = constraint !== null && constraint.min !== null && constraint.min === -(constraint.max ?? NaN);
  const wanted = gridOf(setting, defaults);
  return {
    tensor: name, role: 'activation', granularity: PER_TENSOR, group: sharing[0]!.name, observed: sharing.filter(value => value.initializer === null).map(value => value.name),
    grid: isMirrored && setting.symmetry === null && wanted.symmetry === 'asymmetric' ? grid(wanted.bitwidth, symmetryOf(defaults.strictSymmetric, defaults.unsignedSymmetric)) : wanted, constraint, rule: rule!,
  };
}

function weightQuantizer(value: Value, root: Value, setting: WeightSetting, defaults: Defaults): Quantizer {
  const { granularity, constraint, rule } = setting;
  const role = value === root ? 'weight' : 'activation';
  return { tensor: value.name, role, grid: gridOf(setting, defaults), granularity, group: root.name, observed: [], constraint, rule: rule! };
}

function gridOf({ bitwidth, isSymmetric, symmetry }: TensorSetting, { strictSymmetric, unsignedSymmetric }: Defaults): Grid {
  return grid(bitwidth, symmetry ?? (isSymmetric ? symmetryOf(strictSymmetric, unsignedSymmetric) : 'asymmetric'));
}

function symmetryOf(isStrict: boolean, isUnsigned: boolean): Symmetry {
  return isStrict ? 'strict-symmetric' : isUnsigned ? 'unsigned-symmetric' : 'symmetric';
}
