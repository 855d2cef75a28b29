import { QuantpipeError } from '../base/errors.ts';
import { elementCount } from '../base/tensor.ts';
import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import { type Granularity, PER_TENSOR } from '../quant/granularity.ts';
import { isDerivedBias } from './layer-bias.ts';
import { reasonForFloat } from './left-in-float.ts';
import { constantParameters, type Parameter } from './params.ts';
import type { Rule } from './placement.ts';
import type { ParamSettings, QuantsimConfig } from './quantsim-config.ts';
import { type Bitwidths, overridingKernel, setKernelType } from './supported-kernels.ts';
import { type TensorSetting, TensorSettings } from './tensor-settings.ts';

/** Blocks for every weight whose operator has input channels. */
export interface BlockOptions {
  readonly blockSize: number;
  /** LPBQ: the deltas of a channel's blocks are whole multiples of one, so that codes times multiples fit so many bits. */
  readonly decompressedBitwidth: number | null;
  /** What to do where the input channels are no multiple of the block size: an error, or the granularity of the configuration. */
  readonly undivided: 'refuse' | 'skip';
}

/** What the configuration says of one constant parameter. */
export interface WeightSetting extends TensorSetting {
  readonly granularity: Granularity;
}

/** A parameter where an operator reads it. */
interface ReadParameter {
  readonly node: Node;
  readonly parameter: Parameter;
  readonly value: Value;
}

/**
 * Apply the sections that speak of parameters: defaults.params, params, op_type. A parameter that several operators read has one
 * quantizer: what op_type says of them must agree, and it is per tensor unless all agree on the channels. Biases that follow from their
 * neighbours (see bias.ts) have none.
 *
 * @param absorbed nodes whose parameters are a part of something else, and have none
 */
export function weightSettings(
  { nodes }: Graph, config: QuantsimConfig, bitwidths: Bitwidths, absorbed: { has(node: Node): boolean }, isAimet: boolean, blocks: BlockOptions | null,
): Map<Value, WeightSetting> {
  const read = nodes.filter(node => reasonForFloat(node, isAimet) === null && !absorbed.has(node)).flatMap(node => constantParameters(node)
    .filter(({ parameter, value }) => elementCount(value.initializer!.dims) > 0 && !isDerivedBias(node, parameter))
    .map(({ parameter, value }): ReadParameter => ({ node, parameter, value })));
  const settings = new TensorSettings(bitwidths.weight);
  applySection(settings, 'defaults', read, () => ['defaults.params', config.defaults.params]);
  applySection(settings, 'params', read, ({ parameter: { name } }) => [`params.${name}`, config.params.get(name)]);
  applySection(settings, 'op_type', read, ({ node: { opType }, parameter: { name } }) => [`op_type.${opType}.params.${name}`, config.opTypes.get(opType)?.params.get(name)]);
  for (const { node, value } of read) {
    const kernel = overridingKernel(config.opTypes.get(node.opType)?.supportedKernels ?? [], bitwidths, true);
    if (kernel?.param) setKernelType(settings, value, kernel.param, kernel.path);
  }
  const weights = new Map<Value, WeightSetting>();
  for (const at of read) {
    const setting = settings.of(at.value);
    const granularity = blockOf(at, setting, blocks) ?? granularityOf(at, config);
    weights.set(at.value, { ...setting, granularity: common(weights.get(at.value)?.granularity ?? granularity, granularity) });
  }
  return weights;
}

/** One encoding for every output channel, as far as all operators that read a parameter agree where these lie; null where there are none. */
export function channelsOf({ initializer, uses }: Value): Granularity | null {
  const axes = new Set(uses.flatMap(({ node, index }) => constantParameters(node).filter(({ parameter }) => parameter.input === index)
    .map(({ parameter: { channelAxis } }) => channelAxis?.(node, initializer!.dims.length) ?? null)));
  const [axis = null, ...others] = axes;
  return axis === null || others.length > 0 ? null : { kind: 'channel', axis };
}

function applySection(
  settings: TensorSettings, section: Rule['section'], read: readonly ReadParameter[], said: (at: ReadParameter) => readonly [path: string, said: ParamSettings | undefined],
): void {
  settings.enter(section);
  for (const at of read) {
    const [path, { isQuantized = null, isSymmetric = null } = {}] = said(at);
    if (isSymmetric !== null) settings.set(at.value, 'isSymmetric', isSymmetric, `${path}.is_symmetric`);
    if (isQuantized !== null) settings.set(at.value, 'isQuantized', isQuantized, `${path}.is_quantized`);
  }
}

function granularityOf({ node, parameter: { channelAxis }, value }: ReadParameter, { opTypes, defaults }: QuantsimConfig): Granularity {
  const perChannel = opTypes.get(node.opType)?.perChannel ?? defaults.perChannel;
  const axis = perChannel ? channelAxis?.(node, value.initializer!.dims.length) ?? null : null;
  return axis === null ? PER_TENSOR : { kind: 'channel', axis };
}

/** Blocks, where they are asked for and the parameter has input channels; null elsewhere. */
function blockOf({ node, parameter, value }: ReadParameter, { isQuantized, isSymmetric, rule }: TensorSetting, blocks: BlockOptions | null): Granularity | null {
  const { dims } = value.initializer!;
  const axis = parameter.blockAxis?.(node, dims.length) ?? null;
  const channelAxis = parameter.channelAxis?.(node, dims.length) ?? null;
  if (blocks === null || axis === null || channelAxis === null || !isQuantized) return null;
  const { blockSize, decompressedBitwidth, undivided } = blocks;
  if (dims[axis]! % blockSize !== 0) {
    if (undivided === 'skip') return null;
    throw new QuantpipeError('config-invalid',
      `blocks of ${blockSize} do not divide dimension ${axis} of weight '${value.name}' [${dims.join(', ')}], which is ${dims[axis]}: choose another block size, or leave out what it does not divide (--block-skip)`,
      { tensor: value.name, dimension: axis, size: dims[axis]!, blockSize });
  }
  if (decompressedBitwidth !== null && !isSymmetric) {
    throw new QuantpipeError('config-invalid', `multiples of a delta (LPBQ) need symmetric grids, and weight '${value.name}' is asymmetric by ${rule?.path ?? 'default'}`, { tensor: value.name });
  }
  return { kind: 'block', axis, blockSize, channelAxis, decompressedBitwidth };
}

function common(a: Granularity, b: Granularity): Granularity {
  return JSON.stringify(a) === JSON.stringify(b) ? a : PER_TENSOR;
}
