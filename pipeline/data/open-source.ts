import { stat } from 'node:fs/promises';

import { QuantpipeError } from '../base/errors.ts';
import { ARROW_MAGIC, arrowFileSource, arrowStreamFileSource, arrowStreamSource } from './arrow-reader.ts';
import { FileBytes, streamBytes, unreadable } from './byte-reader.ts';
import type { Source } from './source.ts';

/** How to read data where the path alone does not say it. */
export interface OpenOptions {
  /** Where '-' reads from. Default the process's standard input. */
  readonly stdin?: AsyncIterable<Uint8Array>;
}

/**
 * Open calibration or evaluation data; what it is is told by its first bytes, not by its name.
 *
 *   Arrow IPC file or stream (.arrow .arrows .feather)   LZ4 and ZSTD buffers too
 *   '-'                                                  an Arrow IPC stream on standard input
 *
 * @throws file-unreadable, or data-invalid for what is none of these, empty, or cut short
 */
export async function openSource(path: string, options: OpenOptions = {}): Promise<Source> {
  if (path === '-') return arrowStreamSource(streamBytes('-', options.stdin ?? process.stdin));
  const info = await stat(path).catch(cause => { throw unreadable(path, cause); });
  const magic = await firstBytes(path);
  if (info.size === 0) throw new QuantpipeError('data-invalid', `${path} is empty`, { file: path });
  if (magic.startsWith(ARROW_MAGIC)) return arrowFileSource(path);
  return arrowStreamFileSource(path);
}

async function firstBytes(path: string): Promise<string> {
  const file = await FileBytes.open(path);
  try {
    return new TextDecoder('latin1').decode(await file.from(0).upTo(8));
  } finally {
    await file.close();
  }
}
