import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

import { QuantpipeError } from '../base/errors.ts';
import { ARROW_MAGIC, arrowFileSource, arrowStreamFileSource, arrowStreamSource } from './arrow-reader.ts';
import { streamBytes, unreadable } from './byte-reader.ts';
import { folderSource } from './folder-reader.ts';
import { isAddress } from './http-bytes.ts';
import { isNpy } from './npy-header.ts';
import { npySource } from './npy-reader.ts';
import { npzSource } from './npz-reader.ts';
import { openBytes } from './open-bytes.ts';
import { parquetSource, PARQUET_MAGIC } from './parquet/parquet-source.ts';
import type { Source } from './source.ts';

/** How to read data where the path alone does not say it. */
export interface OpenOptions {
  /** Columns that the model needs (its inputs, unless others are bound): tells a folder of columns from a folder of samples. */
  readonly columns?: readonly string[];
  /** What '-' reads: a program's standard input. */
  readonly stdin?: AsyncIterable<Uint8Array>;
}

/** First bytes of a zip archive with and without entries. */
const ZIP_MAGICS = ['PK\x03\x04', 'PK\x05\x06'];

/**
 * Open calibration or evaluation data; what it is is told by its first bytes, not by its name.
 *
 *   Arrow IPC file or stream   .arrow .arrows .feather; LZ4 and ZSTD buffers too
 *   Parquet                    .parquet; every codec but LZO
 *   '-', or a named pipe       an Arrow IPC stream on standard input, or on the pipe
 *   .npy                       one column, the leading axis counts samples
 *   .npz                       a column for each array, the leading axis counts samples
 *   a folder of .npy           a sample in each file, or a column in each file: see folder-reader.ts
 *
 * All are read lazily: memory does not grow with the file.
 *
 * @throws file-unreadable for what cannot be read; data-invalid for what is none of these, empty, or cut short
 */
export async function openSource(path: string, options: OpenOptions = {}): Promise<Source> {
  if (path === '-') {
    if (options.stdin === undefined) throw new QuantpipeError('config-invalid', "'-' reads a stream, and none was given: pass it as the option stdin");
    return arrowStreamSource(streamBytes('-', options.stdin));
  }
  if (isAddress(path)) return fileSource(path);
  const info = await stat(path).catch(cause => { throw unreadable(path, cause); });
  if (info.isDirectory()) return folderSource(path, options.columns);
  if (!info.isFile()) return arrowStreamSource(streamBytes(path, createReadStream(path))); // a named pipe
  if (info.size === 0) throw new QuantpipeError('data-invalid', `${path} is empty`, { file: path });
  return fileSource(path);
}

async function fileSource(path: string): Promise<Source> {
  const start = await firstBytes(path);
  const text = String.fromCharCode(...start);
  if (text.startsWith(ARROW_MAGIC)) return arrowFileSource(path);
  if (text.startsWith(PARQUET_MAGIC)) return parquetSource(path);
  if (isNpy(start)) return npySource(path);
  if (ZIP_MAGICS.some(magic => text.startsWith(magic))) {
    if (isAddress(path)) throw new QuantpipeError('data-invalid', `${path} is a .npz archive, which is read from a file: download it first`, { file: path });
    return npzSource(path);
  }
  if (couldBeStream(start)) return arrowStreamFileSource(path);
  const shown = Buffer.from(start).toString('hex').replaceAll(/(..)(?=.)/g, '$1 ');
  throw new QuantpipeError('data-invalid', `${path} is not Arrow, Parquet, .npy or .npz data: it begins with the bytes ${shown}`, { file: path });
}

/** A stream begins with a continuation mark; before Arrow 0.15 with the length of its schema, less than 16 MiB. */
function couldBeStream(start: Uint8Array): boolean {
  return start.length >= 4 && (start.subarray(0, 4).every(byte => byte === 0xff) || (start[3] === 0 && start.subarray(0, 3).some(byte => byte !== 0)));
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await openBytes(path);
  try {
    return await file.from(0).upTo(8);
  } finally {
    await file.close();
  }
}
