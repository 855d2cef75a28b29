import { QuantpipeError } from '../base/errors.ts';
import { elementCount } from '../base/tensor.ts';
import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import { type Granularity, PER_TENSOR } from '../quant/granularity.ts';
import { reasonForFloat } from './left-in-float.ts';
import { constantParameters, type Parameter } from './params.ts';
import type { Rule } from './placement.ts';
import type { ParamSettings, QuantsimConfig } from './quantsim-config.ts';

/** Blocks for every weight whose operator has input channels. */
export interface BlockOptions {
  readonly blockSize: number;
  /** LPBQ: the deltas of a channel's blocks are whole multiples of one, so that codes times multiples fit so many bits. */
  readonly decompressedBitwidth: number | null;
  /** What to do where the input channels are no multiple of the block size: an error, or the granularity of the configuration. */
  readonly undivided: 'refuse' | 'skip';
}

/** What the configuration says of one constant parameter. */
export interface WeightSetting {
  readonly isQuantized: boolean;
  readonly isSymmetric: boolean;
  readonly granularity: Granularity;
  readonly rule: Rule | null;
}

/**
 * Apply the sections that speak of parameters: defaults.params, params, op_type. A parameter that several operators read has one
 * quantizer: the settings are those of the first, per tensor unless all agree on the channels. Biases that follow from their
 * neighbours (see bias.ts) have none.
 */
export function weightSettings({ nodes }: Graph, config: QuantsimConfig, blocks: BlockOptions | null = null): Map<Value, WeightSetting> {
  const settings = new Map<Value, WeightSetting>();
  for (const node of nodes) {
    if (reasonForFloat(node) !== null) continue;
    for (const { parameter, value } of constantParameters(node)) {
      if (elementCount(value.initializer!.dims) === 0 || isDerivedBias(node, parameter)) continue;
      const before = settings.get(value);
      const here = inBlocks(weightSetting(node, parameter, value, config), { node, parameter, value }, blocks);
      settings.set(value, before === undefined ? here : { ...before, granularity: common(before.granularity, here.granularity) });
    }
  }
  return settings;
}

/** A bias whose int32 encoding is that of the product it is added to. */
export function isDerivedBias({ opType }: Node, { name }: Parameter): boolean {
  return name === 'bias' && (opType === 'Conv' || opType === 'ConvTranspose' || opType === 'Gemm');
}

function weightSetting(node: Node, parameter: Parameter, { initializer }: Value, config: QuantsimConfig): WeightSetting {
  const { opType } = node;
  const { name, channelAxis } = parameter;
  const sections: [Rule['section'], string, ParamSettings | undefined][] = [
    ['defaults', 'defaults.params', config.defaults.params],
    ['params', `params.${name}`, config.params.get(name)],
    ['op_type', `op_type.${opType}.params.${name}`, config.opTypes.get(opType)?.params.get(name)],
  ];
  let setting: WeightSetting = { isQuantized: false, isSymmetric: false, granularity: PER_TENSOR, rule: null };
  for (const [section, path, said] of sections) {
    if (said?.isSymmetric != null) setting = { ...setting, isSymmetric: said.isSymmetric, rule: { section, path: `${path}.is_symmetric` } };
    if (said?.isQuantized != null) setting = { ...setting, isQuantized: said.isQuantized, rule: { section, path: `${path}.is_quantized` } };
  }
  const perChannel = config.opTypes.get(opType)?.perChannel ?? config.defaults.perChannel;
  const axis = perChannel ? channelAxis?.(node, initializer!.dims.length) ?? null : null;
  return axis === null ? setting : { ...setting, granularity: { kind: 'channel', axis } };
}

/** The setting with blocks, where they are asked for and the parameter has input channels. */
function inBlocks(setting: WeightSetting, { node, parameter, value }: { node: Node; parameter: Parameter; value: Value }, blocks: BlockOptions | null): WeightSetting {
  const { dims } = value.initializer!;
  const axis = parameter.blockAxis?.(node, dims.length) ?? null;
  const channelAxis = parameter.channelAxis?.(node, dims.length) ?? null;
  if (blocks === null || axis === null || channelAxis === null || !setting.isQuantized) return setting;
  const { blockSize, decompressedBitwidth, undivided } = blocks;
  if (dims[axis]! % blockSize !== 0) {
    if (undivided === 'skip') return setting;
    throw new QuantpipeError('config-invalid',
      `blocks of ${blockSize} do not divide dimension ${axis} of weight '${value.name}' [${dims.join(', ')}], which is ${dims[axis]}: choose another block size, or leave out what it does not divide`,
      { tensor: value.name, dimension: axis, size: dims[axis]!, blockSize });
  }
  if (decompressedBitwidth !== null && !setting.isSymmetric) {
    throw new QuantpipeError('config-invalid', `multiples of a delta (LPBQ) need symmetric grids, and weight '${value.name}' is asymmetric by ${setting.rule?.path ?? 'default'}`, { tensor: value.name });
  }
  return { ...setting, granularity: { kind: 'block', axis, blockSize, channelAxis, decompressedBitwidth } };
}

function common(a: Granularity, b: Granularity): Granularity {
  return JSON.stringify(a) === JSON.stringify(b) ? a : PER_TENSOR;
}
