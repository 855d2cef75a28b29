import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';

import { QuantpipeError } from '../base/errors.ts';
import { folderForFile } from './outputs.ts';

/** What is read: single files, and data by the path they are opened by. */
export interface Inputs {
  readonly files: readonly string[];
  /** A file, a folder, a pattern, an address or '-'. */
  readonly data?: readonly string[];
}

/**
 * Refuse to write where something is read from, whatever the two paths look like: an input file is never changed. And where a folder is: before the work.
 *
 * @throws output-unwritable, naming both; and where one file is to hold two outputs
 */
export async function refuseOverwriting(outputs: readonly string[], { files, data = [] }: Inputs): Promise<void> {
  const paths = outputs.map(output => resolve(output));
  const twice = outputs.find((_, i) => paths.indexOf(paths[i]!) < i);
  if (twice !== undefined) throw new QuantpipeError('output-unwritable', `'${twice}' is to hold two different outputs: name another file for one of them`, { file: twice });
  const existing = new Map<string, string>();
  for (const output of outputs) {
    const info = await stat(output).catch(() => null);
    if (info?.isDirectory()) throw folderForFile(output);
    const identity = await identityOf(output);
    if (identity !== null) existing.set(identity, output);
  }
  if (existing.size === 0) return;
  for (const input of [...files, ...await dataFiles(data)]) {
    const output = existing.get(await identityOf(input) ?? '');
    if (output === undefined) continue;
    const same = output === input ? `'${output}' is an input` : `'${output}' is the input '${input}'`;
    throw new QuantpipeError('output-unwritable', `${same}, and inputs are never overwritten: write somewhere else (-o)`, { file: output });
  }
}

async function dataFiles(data: readonly string[]): Promise<string[]> {
  if (data.length === 0) return [];
  const { filesOfData } = await import('../data/index.ts');
  return (await Promise.all(data.map(filesOfData))).flat();
}

/** The same for two paths of one file, through links of either kind; null where there is no file (pipes and devices keep nothing). */
async function identityOf(path: string): Promise<string | null> {
  const info = await stat(path, { bigint: true }).catch(() => null);
  return info?.isFile() ? `${info.dev}:${info.ino}` : null;
}
