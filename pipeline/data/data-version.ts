import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';

import { HttpBytes, isAddress } from './http-bytes.ts';
import type { Source } from './source.ts';

/** Files that are asked for at the same time. */
const AT_ONCE = 64;

/**
 * What tells that nothing was written to a source's data since: of files their names (not where they lie), sizes and times of writing, of addresses what the
 * server says of their content. In words, of a fixed length; 'unknown' where samples come once or from a program.
 */
export async function dataVersion({ files }: Pick<Source, 'files'>): Promise<string> {
  if (files === undefined) return 'unknown';
  const states: string[] = [];
  for (let begin = 0; begin < files.length; begin += AT_ONCE) states.push(...await Promise.all(files.slice(begin, begin + AT_ONCE).map(stateOf)));
  if (files.length === 1) return states[0]!;
  const hash = createHash('sha256');
  for (const [i, file] of files.entries()) hash.update(JSON.stringify([basename(file), states[i]]));
  return `${files.length} files, ${hash.digest('hex').slice(0, 12)} of their names, sizes and times of writing`;
}

async function stateOf(file: string): Promise<string> {
  if (isAddress(file)) return (await HttpBytes.open(file)).version;
  const info = await stat(file).catch(() => null);
  return info === null ? 'gone' : `${info.size} bytes, written at ${info.mtime.toISOString()}`;
}
