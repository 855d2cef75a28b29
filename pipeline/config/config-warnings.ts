import { COMPOSITES } from './composites.ts';
import { isGridPreserving } from './data-movement.ts';
import { didYouMean } from './near-name.ts';
import { ONNX_OPERATORS } from './onnx-operators.ts';
import { PARAMETER_NAMES, parametersOf } from './params.ts';
import type { OpTypeSettings, QuantsimConfig } from './quantsim-config.ts';

/** Names in AIMET's own files of operators that Qualcomm's runtimes have and ONNX has not. */
const QUALCOMM_OPERATORS: ReadonlySet<string> = new Set(['BatchPermutation', 'BatchToSpace', 'ChannelShuffle', 'CropAndResize', 'NMS', 'SpaceToBatch']);

type Said = Omit<QuantsimConfig, 'warnings'>;

/**
 * What a configuration says that has no effect in this version, so that nothing is silently ignored: keys that are read but not yet acted
 * upon (hw_version, supported_kernels), and names that no ONNX operator or parameter has.
 */
export function configWarnings(config: Said): string[] {
  const { defaults, params, opTypes, supergroups, passes } = config;
  const known = COMPOSITES.flatMap(({ pass }) => pass ?? []);
  const foreign = [...opTypes.keys()].filter(opType => QUALCOMM_OPERATORS.has(opType));
  return [
    ...(defaults.hwVersion === null ? [] : [`defaults.hw_version has no effect: the exceptions of ${defaults.hwVersion} are not applied`]),
    ...(defaults.supportedKernels.length === 0 ? [] : ['defaults.supported_kernels has no effect: bit-widths are options']),
    ...[...params.keys()].filter(name => !PARAMETER_NAMES.has(name)).map(name => `params.${name} has no effect: no parameter has this name${didYouMean(name, PARAMETER_NAMES)}`),
    ...(params.get('bias')?.isQuantized ? ['params.bias.is_quantized has no effect on Conv, ConvTranspose and Gemm: their biases are always int32, with the step of input times weight'] : []),
    ...(foreign.length === 0 ? [] : [`op_type: ONNX has no operators ${foreign.join(', ')}; they are Qualcomm's own, and settings of them have no effect`]),
    ...[...opTypes].filter(([opType]) => !QUALCOMM_OPERATORS.has(opType)).flatMap(([opType, settings]) => opTypeWarnings(opType, settings)),
    ...supergroups.flatMap(({ opTypes, path }) => opTypes.filter(opType => !ONNX_OPERATORS.has(opType)).map(opType => `${path} matches nothing: ${unknownOperator(opType)}`)),
    ...passes.filter(pass => !known.includes(pass)).map(pass => `supergroup_pass_list: '${pass}' has no effect${didYouMean(pass, known) || `; known are ${known.join(', ')}`}`),
  ];
}

function opTypeWarnings(opType: string, { params, perChannel, supportedKernels, isOutputQuantized, isSymmetric, constraint }: OpTypeSettings): string[] {
  const path = `op_type.${opType}`;
  if (!ONNX_OPERATORS.has(opType)) return [`${path} has no effect: ${unknownOperator(opType)}`];
  const parameters = parametersOf(opType);
  const names = new Set(parameters.map(({ name }) => name));
  const isTied = isGridPreserving(opType) && isOutputQuantized !== true;
  return [
    ...(supportedKernels.length === 0 ? [] : [`${path}.supported_kernels has no effect: bit-widths are options`]),
    ...[...params.keys()].filter(name => !names.has(name)).map(name => `${path}.params.${name} has no effect: ${opType} has no such parameter${didYouMean(name, names)}`),
    ...(perChannel && parameters.every(({ channelAxis }) => channelAxis === undefined) ? [`${path}.per_channel_quantization has no effect: ${opType} has no weight with output channels`] : []),
    ...(isTied && isSymmetric !== null ? [`${path}.is_symmetric has no effect: the output shares the encoding of the input, unless is_output_quantized is "True"`] : []),
    ...(isTied && constraint !== null ? [`${path}.encoding_constraints has no effect: the output shares the encoding of the input, unless is_output_quantized is "True"`] : []),
  ];
}

function unknownOperator(opType: string): string {
  return `ONNX has no operator '${opType}'${didYouMean(opType, ONNX_OPERATORS)}`;
}
