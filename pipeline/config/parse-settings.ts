import type { JsonPlace } from './json-place.ts';
import { didYouMean } from './near-name.ts';
import { ONNX_OPERATORS } from './onnx-operators.ts';
import { PARAMETER_NAMES, parametersOf } from './params.ts';
import type { Constraint } from './placement.ts';
import type { KernelType, OpSettings, OpTypeSettings, ParamSettings, SupportedKernel } from './quantsim-config.ts';

const OP_KEYS = ['is_input_quantized', 'is_output_quantized', 'is_symmetric'] as const;
const OP_TYPE_KEYS = [...OP_KEYS, 'params', 'per_channel_quantization', 'encoding_constraints', 'supported_kernels'] as const;

/** A boolean, or null where the file says nothing. */
export function optional(place: JsonPlace | undefined): boolean | null {
  return place?.boolean() ?? null;
}

export function parseOpSettings(place: JsonPlace): OpSettings {
  return opSettings(place.fields(OP_KEYS));
}

function opSettings(fields: Partial<Record<typeof OP_KEYS[number], JsonPlace>>): OpSettings {
  return {
    isInputQuantized: optional(fields.is_input_quantized),
    isOutputQuantized: optional(fields.is_output_quantized),
    isSymmetric: optional(fields.is_symmetric),
  };
}

export function parseParamSettings(place: JsonPlace): ParamSettings {
  const { is_quantized, is_symmetric } = place.fields(['is_quantized', 'is_symmetric']);
  return { isQuantized: optional(is_quantized), isSymmetric: optional(is_symmetric) };
}

/** Settings by the name of the parameter. */
export function parseParams(place: JsonPlace | undefined): ReadonlyMap<string, ParamSettings> {
  return new Map(place?.entries().map(([name, settings]) => {
    if (!PARAMETER_NAMES.has(name)) throw settings.error(`unknown parameter${didYouMean(name, PARAMETER_NAMES) || `; known are ${[...PARAMETER_NAMES].join(', ')}`}`);
    return [name, parseParamSettings(settings)];
  }));
}

/** @throws `config-invalid` also where an operator without channels is to be quantized per channel */
export function parseOpType(opType: string, place: JsonPlace): OpTypeSettings {
  const fields = place.fields(OP_TYPE_KEYS);
  if (fields.per_channel_quantization?.boolean() && ONNX_OPERATORS.has(opType) && parametersOf(opType).every(({ channelAxis }) => channelAxis === undefined)) {
    throw fields.per_channel_quantization.error(`${opType} has no weight with output channels, so it can only be "False"`);
  }
  return {
    ...opSettings(fields),
    params: parseParams(fields.params),
    perChannel: optional(fields.per_channel_quantization),
    constraint: fields.encoding_constraints ? parseConstraint(fields.encoding_constraints) : null,
    supportedKernels: parseKernels(fields.supported_kernels, { isParamRequired: false }),
  };
}

function parseConstraint(place: JsonPlace): Constraint {
  const fields = place.fields(['min', 'max']);
  const constraint = { min: fields.min?.float32() ?? null, max: fields.max?.float32() ?? null };
  const { min, max } = constraint;
  if (min === null && max === null) throw place.error('neither min nor max is given');
  if (min !== null && max !== null && min >= max) throw place.error(`min must be below max, got ${min} and ${max}`);
  return constraint;
}

export function parseKernels(place: JsonPlace | undefined, { isParamRequired }: { isParamRequired: boolean }): SupportedKernel[] {
  if (place === undefined) return [];
  const kernels = place.items().map(item => {
    const { activation, param } = item.fields(['activation', 'param']);
    if (activation === undefined) throw item.error("'activation' is missing");
    if (param === undefined && isParamRequired) throw item.error("'param' is missing");
    return { activation: parseKernelType(activation), param: param === undefined ? null : parseKernelType(param), path: item.path };
  });
  if (kernels.length === 0) throw place.error('the list is empty');
  return kernels;
}

function parseKernelType(place: JsonPlace): KernelType {
  const { bitwidth, dtype } = place.fields(['bitwidth', 'dtype']);
  if (bitwidth === undefined || dtype === undefined) throw place.error(`'${bitwidth === undefined ? 'bitwidth' : 'dtype'}' is missing`);
  const type: KernelType = { bitwidth: bitwidth.oneOf([4, 8, 16, 32]), dtype: dtype.oneOf(['int', 'float']) };
  if (type.dtype === 'float' && type.bitwidth < 16) throw place.error(`floats have 16 or 32 bits, got ${type.bitwidth}`);
  return type;
}
