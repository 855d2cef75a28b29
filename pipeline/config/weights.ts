import { elementCount } from '../base/tensor.ts';
import type { Graph } from '../graph/graph.ts';
import type { Node, Value } from '../graph/node.ts';
import type { Granularity } from '../quant/granularity.ts';
import { type BlockOptions, type Division, divisionOf, type ReadParameter } from './divisions.ts';
import { isDerivedBias } from './layer-bias.ts';
import { reasonForFloat } from './left-in-float.ts';
import { constantParameters } from './params.ts';
import type { Rule } from './placement.ts';
import type { ParamSettings, QuantsimConfig } from './quantsim-config.ts';
import { type Bitwidths, overridingKernel, setKernelType } from './supported-kernels.ts';
import { type TensorSetting, TensorSettings } from './tensor-settings.ts';

/** What the configuration says of one constant parameter. */
export interface WeightSetting extends TensorSetting, Division {}

/**
 * Apply the sections that speak of parameters: defaults.params, params, op_type. A parameter that several operators read has one
 * quantizer: what op_type says of them must agree, and it is per tensor unless all agree on the channels (see divisions.ts). Biases that follow from their
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
  const readers = new Map<Value, ReadParameter[]>();
  for (const at of read) readers.set(at.value, [...readers.get(at.value) ?? [], at]);
  return new Map([...readers].map(([value, sharing]) => {
    const setting = settings.of(value);
    return [value, { ...setting, ...divisionOf(sharing, setting, config, blocks) }];
  }));
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
