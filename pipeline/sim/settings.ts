import { QuantpipeError } from '../base/errors.ts';
import { readJson, readText } from '../base/text-file.ts';
import { type Override, parseOverrides } from '../config/override.ts';
import { isPreset, loadConfig, noPreset, presetNames } from '../config/presets/index.ts';
import type { QuantsimConfig } from '../config/quantsim-config.ts';
import { weightsOnly } from '../config/weights-only.ts';
import { type EncodingsFile, readEncodings } from '../export/index.ts';
import { checkSimOptions } from './check-options.ts';
import type { QuantSimOptions } from './options.ts';
import { checkSchemes } from './schemes.ts';

/** What the options of a simulation name, read from their files. */
export interface Settings {
  readonly config: QuantsimConfig;
  /** A preset's name, a path, or 'given'. */
  readonly configName: string;
  readonly overrides: readonly Override[];
  readonly encodings: EncodingsFile | null;
}

const CONFIGURATION = { noun: 'the configuration', hint: `config takes a six-section JSON file, or a preset: ${presetNames.join(', ')}` };
const OVERRIDES = { noun: 'the overrides', hint: 'override takes a JSON file such as {"NAME": {"bitwidth": 16}}' };
const ENCODINGS = { noun: 'the encodings', hint: 'a run writes such a file into its output folder, as encodings.json' };

/** @throws file-unreadable, config-invalid or encodings-invalid, naming the file */
export async function readSettings(options: QuantSimOptions): Promise<Settings> {
  const { config = 'per-channel', override, loadEncodings, freeze = false, activationFormat } = options;
  checkSimOptions(options);
  checkSchemes(options);
  const configName = typeof config === 'string' ? config : 'given';
  const parsed = typeof config === 'string' && !isPreset(config) ? loadConfig(await readConfig(config), config) : loadConfig(config, configName);
  if (freeze && loadEncodings === undefined) throw new QuantpipeError('config-invalid', 'there is nothing to freeze: name the encodings to load');
  return { config: activationFormat === 'float32' ? weightsOnly(parsed) : parsed, configName, overrides: await readOverrides(override), encodings: loadEncodings === undefined ? null : await readEncodingsFile(loadEncodings) };
}

/** The files that these options name. */
export function settingsFiles({ config, override, loadEncodings }: QuantSimOptions): string[] {
  return [config, override, loadEncodings].filter(named => typeof named === 'string').filter(named => !isPreset(named));
}

/** An encodings file, of any version. */
export async function readEncodingsFile(path: string): Promise<EncodingsFile> {
  return readEncodings(await readText(path, ENCODINGS), path);
}

async function readOverrides(override: string | object | undefined): Promise<readonly Override[]> {
  if (override === undefined) return [];
  return typeof override === 'string' ? parseOverrides(await readJson(override, OVERRIDES), override) : parseOverrides(override, 'the override');
}

/** A file in AIMET's form. A name without folder and extension that no file has was meant for a preset. */
async function readConfig(path: string): Promise<unknown> {
  return readJson(path, CONFIGURATION).catch(cause => {
    throw cause instanceof QuantpipeError && cause.code === 'file-unreadable' && /^[\w-]+$/.test(path) ? noPreset(path, { cause }) : cause;
  });
}
