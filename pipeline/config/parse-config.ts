import { configWarnings } from './config-warnings.ts';
import { JsonPlace } from './json-place.ts';
import { optional, parseKernels, parseOpSettings, parseOpType, parseParams, parseParamSettings } from './parse-settings.ts';
import type { Defaults, QuantsimConfig, Supergroup } from './quantsim-config.ts';
import { COMPOSITES } from './composites.ts';
import { TIED_OPERATORS } from './merged-encodings.ts';
import { didYouMean } from './near-name.ts';
import { ONNX_OPERATORS } from './onnx-operators.ts';

/** AIMET's sections; a configuration has all of them, though they may be empty. */
const SECTIONS = ['defaults', 'params', 'op_type', 'supergroups', 'model_input', 'model_output'] as const;
/** What a configuration may have besides: AIMET's list of graph passes, and our switches of composite operators and of shared encodings. */
const MORE_SECTIONS = ['supergroup_pass_list', 'composites', 'ties'] as const;
const DEFAULTS_KEYS = [
  'ops', 'params', 'strict_symmetric', 'unsigned_symmetric', 'per_channel_quantization', 'supported_kernels', 'hw_version',
] as const;

/**
 * Read AIMET's quantization simulation configuration as it is. Booleans are "True" and "False", or JSON's own.
 *
 * @param where how messages call the configuration: a file, a preset
 * @throws `config-invalid` for an unknown section or key and for a wrong value, with its JSON path
 */
export function parseConfig(json: unknown, where: string): QuantsimConfig {
  const root = new JsonPlace(json, where);
  const sections = root.fields([...SECTIONS, ...MORE_SECTIONS]);
  const missing = SECTIONS.find(name => sections[name] === undefined);
  const config = {
    defaults: parseDefaults(sections.defaults ?? new JsonPlace({ ops: {}, params: {} }, where, 'defaults')),
    params: parseParams(sections.params),
    opTypes: new Map(sections.op_type?.entries().map(([opType, place]) => [opType, parseOpType(opType, place)])),
    supergroups: sections.supergroups?.items().map(parseSupergroup) ?? [],
    modelInput: { isInputQuantized: optional(sections.model_input?.fields(['is_input_quantized']).is_input_quantized) },
    modelOutput: { isOutputQuantized: optional(sections.model_output?.fields(['is_output_quantized']).is_output_quantized) },
    passes: sections.supergroup_pass_list?.items().map(item => item.string()) ?? [],
    composites: parseSwitches(sections.composites, COMPOSITES.map(({ kind }) => kind), 'composite operator'),
    ties: parseSwitches(sections.ties, TIED_OPERATORS, 'operator whose tensors can share an encoding'),
  };
  if (missing !== undefined) throw root.error(`section '${missing}' is missing; it may be empty`); // last: a section may be inside another by mistake, which is an unknown key there
  return { ...config, warnings: configWarnings(config) };
}

function parseDefaults(place: JsonPlace): Defaults {
  const [operator, misplaced] = place.entries().find(([key]) => ONNX_OPERATORS.has(key)) ?? [];
  if (misplaced !== undefined) throw misplaced.error(`settings of one operator stand in another section: op_type.${operator}`);
  const fields = place.fields(DEFAULTS_KEYS);
  if (fields.ops === undefined) throw place.error("'ops' is missing; it may be empty");
  if (fields.params === undefined) throw place.error("'params' is missing; it may be empty");
  const strictSymmetric = fields.strict_symmetric?.boolean() ?? false;
  const unsignedSymmetric = fields.unsigned_symmetric?.boolean() ?? false;
  if (strictSymmetric && unsignedSymmetric) throw place.error('strict_symmetric and unsigned_symmetric cannot both be "True"');
  return {
    ops: parseOpSettings(fields.ops), params: parseParamSettings(fields.params), strictSymmetric, unsignedSymmetric,
    perChannel: fields.per_channel_quantization?.boolean() ?? false,
    hwVersion: fields.hw_version?.string() ?? null,
    supportedKernels: parseKernels(fields.supported_kernels, { isParamRequired: true }),
  };
}

function parseSupergroup(place: JsonPlace): Supergroup {
  const { op_list: list } = place.fields(['op_list']);
  if (list === undefined) throw place.error("'op_list' is missing");
  const opTypes = list.items().map(item => item.string());
  if (opTypes.length < 2) throw list.error(`a supergroup has at least 2 operators, got ${opTypes.length}`);
  return { opTypes, path: list.path };
}

/** One of our sections that turn things on and off by name. */
function parseSwitches(section: JsonPlace | undefined, known: readonly string[], what: string): Map<string, boolean> {
  return new Map(section?.entries().map(([name, place]) => {
    if (!known.includes(name)) throw place.error(`unknown ${what}${didYouMean(name, known) || `; known are ${known.join(', ')}`}`);
    return [name, place.boolean()];
  }));
}
