import { readFile } from 'node:fs/promises';

import { duplicateKey } from './duplicate-key.ts';
import { QuantpipeError } from './errors.ts';

/** What a file is to the user, and what to do where it cannot be read. */
export interface Purpose {
  /** As in 'the configuration'. */
  readonly noun: string;
  readonly hint?: string;
}

/** @throws `file-unreadable` with the reason that the system gave */
export async function readText(path: string, purpose?: Purpose): Promise<string> {
  return withoutByteOrderMark(await readFile(path, 'utf8').catch(cause => { throw unreadable(path, cause, purpose); }));
}

/** Windows programs begin UTF-8 with a byte order mark, which is no part of the text. */
export function withoutByteOrderMark(text: string): string {
  return text.replace(/^\uFEFF/, '');
}

/**
 * The value in a JSON file.
 *
 * @throws `file-unreadable`; `config-invalid` where it is not JSON, or an object in it has a key twice
 */
export async function readJson(path: string, purpose: Purpose): Promise<unknown> {
  const text = await readText(path, purpose);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new QuantpipeError('config-invalid', `${path}: not JSON: ${(cause as Error).message}`, { file: path }, { cause });
  }
  const twice = duplicateKey(text);
  if (twice !== null) throw new QuantpipeError('config-invalid', `${twice}: the key stands there twice, and only one of them can hold: remove the other`, { file: path });
  return value;
}

/** `file-unreadable` with the reason that the system gave. */
export function unreadable(path: string, cause: unknown, { noun, hint }: Partial<Purpose> = {}): QuantpipeError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const reason = { ENOENT: 'there is no such file or folder', EACCES: 'permission denied', EISDIR: 'it is a folder' }[code] ?? message;
  return new QuantpipeError('file-unreadable', `cannot read ${noun === undefined ? '' : `${noun} `}${path}: ${reason}${hint === undefined ? '' : `; ${hint}`}`, { file: path }, { cause });
}
