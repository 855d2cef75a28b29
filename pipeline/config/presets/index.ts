import { QuantpipeError } from '../../base/errors.ts';
import { parseConfig } from '../parse-config.ts';
import type { QuantsimConfig } from '../quantsim-config.ts';
import { defaultPreset } from './default.ts';
import { perChannelPreset } from './per-channel.ts';

/** The configurations that come with quantpipe, in AIMET's JSON form. */
export const presets = {
  'default': defaultPreset,
  'per-channel': perChannelPreset,
} as const;

export type PresetName = keyof typeof presets;

export const presetNames = Object.keys(presets) as PresetName[];

/**
 * The configuration of a preset, by its name, or of a JSON value.
 *
 * @param where how messages call a JSON value; a preset is called by its name
 */
export function loadConfig(nameOrJson: unknown, where = 'the configuration'): QuantsimConfig {
  if (typeof nameOrJson !== 'string') return parseConfig(nameOrJson, where);
  if (!isPreset(nameOrJson)) {
    throw new QuantpipeError('config-invalid', `there is no preset '${nameOrJson}'; presets are ${presetNames.join(', ')}`);
  }
  return parseConfig(presets[nameOrJson], `preset '${nameOrJson}'`);
}

export function isPreset(name: string): name is PresetName {
  return Object.hasOwn(presets, name);
}
