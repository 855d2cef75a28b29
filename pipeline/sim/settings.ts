import { readFile } from 'node:fs/promises';

import { QuantpipeError } from '../base/errors.ts';
import { type Override, parseOverrides } from '../config/override.ts';
import { isPreset, loadConfig, noPreset } from '../config/presets/index.ts';
import type { QuantsimConfig } from '../config/quantsim-config.ts';
import { type EncodingsFile, readEncodings } from '../export/index.ts';
import type { QuantSimOptions } from './options.ts';

/** What the options of a simulation name, read from their files. */
export interface Settings {
  readonly config: QuantsimConfig;
  /** A preset's name, a path, or 'given'. */
  readonly configName: string;
  readonly overrides: readonly Override[];
  readonly encodings: EncodingsFile | null;
}

/** @throws file-unreadable, config-invalid or encodings-invalid, naming the file */
export async function readSettings({ config = 'per-channel', override, loadEncodings, freeze = false }: QuantSimOptions): Promise<Settings> {
  const configName = typeof config === 'string' ? config : 'given';
  const parsed = typeof config === 'string' && !isPreset(config) ? loadConfig(await readConfig(config), config) : loadConfig(config, configName);
  if (freeze && loadEncodings === undefined) throw new QuantpipeError('config-invalid', 'there is nothing to freeze: name the encodings to load');
  return { config: parsed, configName, overrides: await readOverrides(override), encodings: loadEncodings === undefined ? null : await readEncodingsFile(loadEncodings) };
}

/** An encodings file, of any version. */
export async function readEncodingsFile(path: string): Promise<EncodingsFile> {
  return readEncodings(await readText(path), path);
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(cause => {
    throw new QuantpipeError('file-unreadable', `cannot read '${path}': ${(cause as Error).message}`, {}, { cause });
  });
}

async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new QuantpipeError('config-invalid', `'${path}' is not JSON: ${(cause as Error).message}`, {}, { cause });
  }
}

async function readOverrides(override: string | object | undefined): Promise<readonly Override[]> {
  if (override === undefined) return [];
  return typeof override === 'string' ? parseOverrides(await readJson(override), override) : parseOverrides(override, 'the override');
}

/** A file in AIMET's form. A name without folder and extension that no file has was meant for a preset. */
async function readConfig(path: string): Promise<unknown> {
  return readJson(path).catch(cause => {
    throw cause instanceof QuantpipeError && cause.code === 'file-unreadable' && /^[\w-]+$/.test(path) ? noPreset(path, { cause }) : cause;
  });
}
