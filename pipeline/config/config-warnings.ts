import { COMPOSITES } from './composites.ts';
import { isAlwaysGridPreserving, isGridPreserving } from './data-movement.ts';
import { HW_VERSIONS } from './hardware.ts';
import { holdingZero, rangeText } from './holding-zero.ts';
import { didYouMean } from './near-name.ts';
import { didYouMeanOperator, ONNX_OPERATORS } from './onnx-operators.ts';
import { parametersOf } from './params.ts';
import type { OpTypeSettings, QuantsimConfig } from './quantsim-config.ts';

/** Names in AIMET's own files of operators that Qualcomm's runtimes have and ONNX has not. */
const QUALCOMM_OPERATORS: ReadonlySet<string> = new Set(['BatchPermutation', 'BatchToSpace', 'ChannelShuffle', 'CropAndResize', 'NMS', 'SpaceToBatch']);

type Said = Omit<QuantsimConfig, 'warnings'>;

/**
 * What a configuration says that has no effect, so that nothing is silently ignored: names that no ONNX operator has (a configuration may
 * speak of Qualcomm's own, or of a model's), and settings of what shares the encoding of something else.
 */
export function configWarnings(config: Said): string[] {
  const { defaults, params, opTypes, supergroups, passes } = config;
  const known = COMPOSITES.flatMap(({ pass }) => pass ?? []);
  const moving = [...opTypes].filter(([opType, { isOutputQuantized }]) => isOutputQuantized === false && isAlwaysGridPreserving(opType)).map(([opType]) => opType);
  const foreign = [...opTypes.keys()].filter(opType => QUALCOMM_OPERATORS.has(opType));
  return [
    ...(defaults.hwVersion === null || HW_VERSIONS.includes(defaults.hwVersion) ? [] : [`defaults.hw_version: no exceptions of '${defaults.hwVersion}' are known, only those of ${HW_VERSIONS.join(', ')}`]),
    ...(params.get('bias')?.isQuantized ? ['params.bias.is_quantized has no effect on Conv, ConvTranspose and Gemm: their biases are always int32, with the step of input times weight'] : []),
    ...(foreign.length === 0 ? [] : [`op_type: ONNX has no operators ${foreign.join(', ')}; they are Qualcomm's own, and settings of them have no effect`]),
    ...(moving.length === 0 ? [] : [`op_type: is_output_quantized "False" changes nothing for ${moving.join(', ')}: what only moves data has no quantizer of its own, and its output is on the grid of its input`]),
    ...[...opTypes].filter(([opType]) => !QUALCOMM_OPERATORS.has(opType)).flatMap(([opType, settings]) => opTypeWarnings(opType, settings)),
    ...supergroups.flatMap(({ opTypes, path }) => opTypes.filter(opType => !ONNX_OPERATORS.has(opType)).map(opType => `${path} matches nothing: ${unknownOperator(opType)}`)),
    ...passes.filter(pass => !known.includes(pass)).map(pass => `supergroup_pass_list: '${pass}' has no effect${didYouMean(pass, known) || `; known are ${known.join(', ')}`}`),
  ];
}

function opTypeWarnings(opType: string, { params, isOutputQuantized, isSymmetric, constraint }: OpTypeSettings): string[] {
  const path = `op_type.${opType}`;
  if (!ONNX_OPERATORS.has(opType)) return [`${path} has no effect: ${unknownOperator(opType)}`];
  const names = new Set(parametersOf(opType).map(({ name }) => name));
  const isTied = isGridPreserving(opType) && isOutputQuantized !== true;
  return [
    ...[...params.keys()].filter(name => !names.has(name)).map(name => `${path}.params.${name} has no effect: ${opType} has no such parameter`),
    ...(isTied && isSymmetric !== null ? [`${path}.is_symmetric has no effect: the output shares the encoding of the input, unless is_output_quantized is "True"`] : []),
    ...(constraint !== null && holdingZero(constraint) !== constraint ? [`${path}.encoding_constraints: zero must have a code, and lies outside with ${rangeText(constraint)}; what counts is ${rangeText(holdingZero(constraint))}`] : []),
    ...(isTied && constraint !== null ? [`${path}.encoding_constraints has no effect: the output shares the encoding of the input, unless is_output_quantized is "True"`] : []),
  ];
}

function unknownOperator(opType: string): string {
  return `ONNX has no operator '${opType}'${didYouMeanOperator(opType)}`;
}
