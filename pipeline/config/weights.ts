import { elementCount } from '../base/tensor.ts';
import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import { type Granularity, PER_TENSOR } from '../quant/granularity.ts';
import { reasonForFloat } from './left-in-float.ts';
import { constantParameters, type Parameter } from './params.ts';
import type { Rule } from './placement.ts';
import type { ParamSettings, QuantsimConfig } from './quantsim-config.ts';

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
export function weightSettings({ nodes }: Graph, config: QuantsimConfig): Map<Value, WeightSetting> {
  const settings = new Map<Value, WeightSetting>();
  for (const node of nodes) {
    if (reasonForFloat(node) !== null) continue;
    for (const { parameter, value } of constantParameters(node)) {
      if (elementCount(value.initializer!.dims) === 0 || isDerivedBias(node, parameter)) continue;
      const before = settings.get(value);
      const here = weightSetting(node, parameter, value, config);
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

function common(a: Granularity, b: Granularity): Granularity {
  return a.kind === 'channel' && b.kind === 'channel' && a.axis === b.axis ? a : PER_TENSOR;
}
