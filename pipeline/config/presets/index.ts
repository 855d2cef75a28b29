import { QuantpipeError } from '../../base/errors.ts';
import { didYouMean } from '../near-name.ts';
import { parseConfig } from '../parse-config.ts';
import type { QuantsimConfig } from '../quantsim-config.ts';
import { defaultPreset } from './default.ts';
import { hexagonPresets } from './hexagon.ts';
import { onnxruntimePreset, webPreset } from './onnxruntime.ts';
import { onnxruntimeQnnPreset } from './onnxruntime-qnn.ts';
import { perChannelPreset } from './per-channel.ts';
import { type ExportWish, type Preset, UNSIGNED } from './preset.ts';
import { tensorrtPreset } from './tensorrt.ts';

export type { CodeType, ExportWish, Preset } from './preset.ts';

/** The configurations that come with quantpipe. */
export const presets = {
  'default': defaultPreset,
  'per-channel': perChannelPreset,
  ...hexagonPresets,
  'onnxruntime': onnxruntimePreset,
  'onnxruntime-qnn': onnxruntimeQnnPreset,
  'tensorrt': tensorrtPreset,
  'web': webPreset,
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;

export const presetNames = Object.keys(presets) as PresetName[];

/**
 * The configuration of a preset, by its name, or of a JSON value.
 *
 * @param where how messages call a JSON value; a preset is called by its name
 */
export function loadConfig(nameOrJson: unknown, where = 'the configuration'): QuantsimConfig {
  if (typeof nameOrJson !== 'string') return parseConfig(nameOrJson, where);
  if (!isPreset(nameOrJson)) throw noPreset(nameOrJson);
  return parseConfig(presets[nameOrJson].config, `preset '${nameOrJson}'`);
}

/** What the runtime of a preset wants of the exported model; for a configuration of one's own, what any runtime takes. */
export function exportWishOf(config: unknown): ExportWish {
  return typeof config === 'string' && isPreset(config) ? presets[config].export : UNSIGNED;
}

export function isPreset(name: string): name is PresetName {
  return Object.hasOwn(presets, name);
}

/** The error about a name that is no preset's. */
export function noPreset(name: string, options?: ErrorOptions): QuantpipeError {
  const hint = didYouMean(name, presetNames) || '.';
  return new QuantpipeError('config-invalid', `there is no preset '${name}'${hint} Presets are ${presetNames.join(', ')}`, {}, options);
}
