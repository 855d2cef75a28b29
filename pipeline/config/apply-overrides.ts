import { QuantpipeError } from '../base/errors.ts';
import { namesByFormer } from '../graph/former-names.ts';
import type { Value } from '../graph/node.ts';
import { PER_TENSOR } from '../quant/granularity.ts';
import type { PlacedGraph } from './activations.ts';
import { reasonForNoEncoding } from './constant-operands.ts';
import { mayBeQuantized } from './element-kind.ts';
import { didYouMean } from './near-name.ts';
import type { Override } from './override.ts';
import { ACTIVATION_BITWIDTHS, inRange, WEIGHT_BITWIDTHS } from './supported-kernels.ts';
import type { TensorSettings } from './tensor-settings.ts';
import { channelsOf, type WeightSetting } from './weights.ts';

/** What overrides change, in place. */
export interface Overridden {
  readonly placed: PlacedGraph;
  readonly activations: TensorSettings;
  readonly weights: Map<Value, WeightSetting>;
  /** The tensors that have an encoding of their own. */
  readonly quantized: Set<Value>;
}

/** Tensors that an override speaks of. */
export interface OverriddenTensors {
  /** Tensors that decide for those tied to them: they share their encoding with no other. */
  readonly roots: ReadonlySet<Value>;
  /** Int32 biases that keep their float values. */
  readonly floatBiases: ReadonlySet<Value>;
}

/**
 * Apply overrides after all sections and exceptions. An override of a tensor that was only moved is one of the tensor it came from, since
 * both have one encoding.
 *
 * @throws `config-invalid` for names that the model does not have, with the nearest that it has, and for settings that a tensor cannot have
 */
export function applyOverrides(overridden: Overridden, overrides: readonly Override[]): OverriddenTensors {
  const { placed: { graph, tied, biases }, activations } = overridden;
  const names = namesByFormer(graph);
  refuseUnknown(overridden, overrides);
  activations.enter('override');
  const roots = new Set<Value>(), floatBiases = new Set<Value>();
  for (const override of overrides) {
    const value = graph.values.get(names.get(override.tensor) ?? override.tensor)!;
    if (biases.some(bias => bias.value === value)) {
      if (keepsFloat(override)) floatBiases.add(value);
      continue;
    }
    const root = tied.rootOf(value);
    refuseUnfit(value, override);
    roots.add(root);
    if (override.isQuantized === false) overridden.quantized.delete(root);
    else overridden.quantized.add(root);
    if (overridden.weights.has(root)) overrideWeight(overridden, root, override);
    else overrideActivation(overridden, root, override);
  }
  return { roots, floatBiases };
}

function refuseUnknown({ placed: { graph } }: Overridden, overrides: readonly Override[]): void {
  const unknown = overrides.filter(({ tensor }) => !graph.values.has(tensor));
  if (unknown.length === 0) return;
  const names = [...graph.values.values()].filter(mayBeQuantized).map(({ name }) => name);
  const list = unknown.map(({ tensor }) => `'${tensor}'${didYouMean(tensor, names)}`);
  throw new QuantpipeError('config-invalid', `${unknown[0]!.place.where}: the prepared model has no ${list.length === 1 ? 'tensor' : 'tensors'} ${list.join(', ')}`);
}

function refuseUnfit(value: Value, { place }: Override): void {
  const reason = !mayBeQuantized(value) ? 'it is no float32 tensor' : value.initializer === null ? null : reasonForNoEncoding(value);
  if (reason !== null) throw place.error(`the tensor cannot have a quantizer: ${reason}`);
}

function overrideActivation({ activations }: Overridden, root: Value, override: Override): void {
  const { tensor, isQuantized, bitwidth, symmetry, perChannel, constraint, place } = override;
  if (perChannel === true) throw place.error('only the weights of Conv, ConvTranspose, Gemm and MatMul have channels, so per_channel can only be "False"');
  activations.set(root, 'isQuantized', isQuantized ?? true, isQuantized === null ? tensor : `${tensor}.is_quantized`);
  if (override.format !== null || speaksOfGrid(override)) activations.set(root, 'format', override.format, override.format === null ? tensor : `${tensor}.format`);
  if (bitwidth !== null) activations.set(root, 'bitwidth', inRange(bitwidth, 'bitwidth', ACTIVATION_BITWIDTHS, fact => place.error(fact)), `${tensor}.bitwidth`);
  if (symmetry !== null) activations.set(root, 'symmetry', symmetry, `${tensor}.symmetry`);
  if (constraint !== null) activations.set(root, 'constraint', constraint, `${tensor}.${constraint.min === null ? 'max' : 'min'}`);
}

function overrideWeight({ weights, placed: { graph, tied } }: Overridden, root: Value, override: Override): void {
  const { tensor, isQuantized, bitwidth, symmetry, perChannel, constraint, place } = override;
  const before = weights.get(root)!;
  const channels = channelsOf(root);
  if (perChannel === true && channels === null) throw place.error('the weight has no output channels, or its readers disagree about them, so per_channel can only be "False"');
  const moved = perChannel === true ? [...graph.values.values()].find(value => value !== root && tied.rootOf(value) === root) : undefined;
  if (moved !== undefined) throw place.error(`'${moved.name}' holds values of the weight and shares its encoding, so per_channel can only be "False"`);
  const granularity = perChannel === null ? before.granularity : perChannel ? channels! : PER_TENSOR;
  if (constraint !== null && granularity.kind !== 'tensor') throw place.error('min and max are one range, and the weight has one for every channel; add "per_channel": "False"');
  if (granularity.kind === 'block' && granularity.decompressedBitwidth !== null && (symmetry !== null || bitwidth !== null)) {
    throw place.error('the weight is in blocks that decompress to a common width (LPBQ), so its grid cannot be another; add "per_channel"');
  }
  const rule = { section: 'override', path: tensor } as const;
  weights.set(root, {
    ...before, granularity, disagreement: perChannel === null ? before.disagreement : null, rule, switchedBy: rule, isQuantized: isQuantized ?? true, format: override.format ?? (speaksOfGrid(override) ? null : before.format),
    symmetry: symmetry ?? before.symmetry, constraint: constraint ?? before.constraint,
    bitwidth: bitwidth === null ? before.bitwidth : inRange(bitwidth, 'bitwidth', WEIGHT_BITWIDTHS, fact => place.error(fact)),
  });
}

/** What is said of a grid puts one in the place of a floating-point format. */
function speaksOfGrid({ bitwidth, symmetry, constraint }: Override): boolean {
  return [bitwidth, symmetry, constraint].some(setting => setting !== null);
}

/** A bias that follows from its neighbours can only be left in float. */
function keepsFloat({ isQuantized, bitwidth, symmetry, format, perChannel, constraint, place }: Override): boolean {
  if ([bitwidth, symmetry, format, perChannel, constraint].some(setting => setting !== null)) {
    throw place.error('the tensor is an int32 bias, whose step is that of input times weight: only is_quantized can be set');
  }
  return isQuantized === false;
}
