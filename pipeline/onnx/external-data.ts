import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, sep } from 'node:path';

import { QuantpipeError } from '../base/errors.ts';
import type { TensorProto } from './messages.ts';

/** Where the files of a model's external tensors are. */
export interface ExternalFolder {
  /** The model's folder: locations are relative to it. */
  readonly path: string;
  /** Folders, resolved, in which the files must really lie. */
  readonly inside: readonly string[];
  /** SHA-1 of the files that have been checked, by path. */
  readonly digests: Map<string, string>;
  /** Files that external tensors lie in. */
  readonly files: Set<string>;
}

/** TensorProto.DataLocation.EXTERNAL */
export const EXTERNAL = 1;

export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === EXTERNAL;
}

/** Put the content into the message itself. */
export function setInline(tensor: TensorProto, rawData: Uint8Array): void {
  tensor.rawData = rawData;
  tensor.externalData = [];
  delete (tensor as Partial<TensorProto>).dataLocation;
}

/** Find the content of an external tensor, check that the file holds it, and return how to read it. */
export function locateExternal(tensor: TensorProto, needed: number | null, what: string, folder: ExternalFolder | null): () => Uint8Array {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [text(key), text(value)]));
  const location = entries.get('location') ?? '';
  if (folder === null) {
    return () => {
      throw new QuantpipeError('model-malformed', `${what} lies in file '${location}', but the model was not read from a folder`);
    };
  }
  const file = resolveInside(location, what, folder);
  folder.files.add(file);
  const size = statSync(file).size;
  const offset = parseCount(entries.get('offset') ?? '0', 'offset', what);
  const length = parseCount(entries.get('length') ?? String(needed ?? Math.max(0, size - offset)), 'length', what);
  if (needed !== null && length !== needed) throw malformed(`${what} needs ${needed} bytes, its external data has length ${length}`);
  if (offset + length > size) throw malformed(`${what} needs bytes ${offset} to ${offset + length} of '${location}', which holds ${size}`);
  checkDigest(file, entries.get('checksum'), what, folder);
  return () => readRange(file, offset, length);
}

/** A tensor may declare the SHA-1 of the whole file that it lies in. */
function checkDigest(file: string, expected: string | undefined, what: string, { digests }: ExternalFolder): void {
  if (expected === undefined || expected === '') return;
  const digest = digests.get(file) ?? sha1(file);
  digests.set(file, digest);
  if (digest !== expected.toLowerCase()) throw malformed(`${what} lies in a file with SHA-1 ${expected}, but ${file} has ${digest}`);
}

function sha1(file: string): string {
  const hash = createHash('sha1');
  const { size } = statSync(file);
  for (let at = 0; at < size; at += HASH_BYTES) hash.update(readRange(file, at, Math.min(HASH_BYTES, size - at)));
  return hash.digest('hex');
}

/** A file is hashed in pieces of this size. */
const HASH_BYTES = 2 ** 24;

/** The path of `location`, which must be a file inside the model's folder, links followed. */
function resolveInside(location: string, what: string, folder: ExternalFolder): string {
  if (location === '') throw malformed(`${what} lies in another file, but does not say in which`);
  if (isAbsolute(location) || /^[a-z]:/i.test(location) || location.split(/[\\/]/).includes('..')) {
    throw malformed(`${what} points outside the model's folder: '${location}'`);
  }
  let real: string;
  try {
    real = realpathSync(join(folder.path, location));
  } catch (cause) {
    throw new QuantpipeError('file-unreadable', `${what} lies in '${location}', which is not in ${folder.path}`, {}, { cause });
  }
  if (!folder.inside.some(path => real.startsWith(path.endsWith(sep) ? path : path + sep))) {
    throw malformed(`${what} points outside the model's folder: '${location}' leads to ${real}`);
  }
  if (!statSync(real).isFile()) throw malformed(`${what} lies in '${location}', which is not a file`);
  return real;
}

function readRange(file: string, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const descriptor = openSync(file, 'r');
  try {
    for (let done = 0; done < length;) {
      const read = readSync(descriptor, bytes, done, Math.min(length - done, MAX_READ), offset + done);
      if (read === 0) throw new QuantpipeError('file-unreadable', `${file} became shorter while it was read: ${offset + done} bytes, expected ${offset + length}`);
      done += read;
    }
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

/** A single read may not reach 2 GiB. */
const MAX_READ = 2 ** 30;

function parseCount(value: string, key: string, what: string): number {
  if (!/^\d{1,15}$/.test(value)) throw malformed(`${what} has external data with ${key} '${value}', expected a number of bytes`);
  return Number(value);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function malformed(message: string): QuantpipeError {
  return new QuantpipeError('model-malformed', message);
}
