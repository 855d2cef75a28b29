import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';

import { QuantpipeError } from '../base/errors.ts';
import { orAborted } from '../base/or-aborted.ts';
import type { SessionInput } from '../base/tensor.ts';
import { unreadable } from '../base/text-file.ts';
import { ARROW_MAGIC, arrowFileSource, arrowStreamFileSource, arrowStreamSource } from './arrow-reader.ts';
import { streamBytes } from './byte-reader.ts';
import type { Given } from './given-source.ts';
import { HttpBytes, isAddress, NoRanges } from './http-bytes.ts';
import { isImageField } from './images/encoded-images.ts';
import { imageFolderNotices, type ImageFile, imageFilesSource, isImageName, listImages } from './images/image-files.ts';
import type { ImageSettings } from './images/image-settings.ts';
import { dataFiles, isPattern, matchingFiles, unreadNotices } from './list-files.ts';
import { destroyedBy, openNamedPipe } from './named-pipe.ts';
import { isNpy } from './npy-header.ts';
import { openBytes } from './open-bytes.ts';
import { PARQUET_MAGIC } from './parquet/magic.ts';
import type { SampleOptions } from './sampled-source.ts';
import type { OtherColumn, Source, StoredSource } from './source.ts';
import { isTar, TAR_BLOCK_BYTES } from './tar-entries.ts';

/** How to read data where the path alone does not say it. */
export interface OpenOptions {
  /** Columns that the model needs (its inputs, unless others are bound): tells a folder of columns from a folder of samples. */
  readonly columns?: readonly string[];
  /** The model inputs that these columns are for, in the same order: they tell how images are laid out. */
  readonly inputs?: readonly SessionInput[];
  /** What becomes of images. Default: they are decoded, and no more. */
  readonly images?: Partial<ImageSettings>;
  /** Take only so many samples, spread over all. */
  readonly sample?: SampleOptions;
  /** What '-' reads: a program's standard input. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** Aborting ends the waiting for what a server, a stream or a named pipe has not brought yet. */
  readonly signal?: AbortSignal;
}

/** First bytes of a zip archive with and without entries. */
const ZIP_MAGICS = ['PK\x03\x04', 'PK\x05\x06'];
const GZIP_MAGIC = '\x1f\x8b';

/**
 * Open calibration or evaluation data; what a file is is told by its first bytes, not by its name.
 *
 *   Arrow IPC file or stream   .arrow .arrows .feather; LZ4 and ZSTD buffers too
 *   Parquet                    .parquet; every codec but LZO
 *   '-', or a named pipe       an Arrow IPC stream on standard input, or on the pipe
 *   .npy                       one column, the leading axis counts samples; of a pattern, too, of files of different names
 *   .npz                       a column for each array, the leading axis counts samples
 *   .tar                       images with their classes, as WebDataset has them: see tar-images.ts
 *   http(s)://                 any of these files but .npz, by range requests
 *   a folder of such files, or a pattern with *, ? and **   one after another, in the order of their names
 *   a folder of .npy           a sample in each file, or a column in each file: see folder-reader.ts
 *   a folder of images         or of folders of images, each a class
 *   a folder test_data_set_0   or of such folders, of ONNX tensors
 *   what a program hands over  record batches, or tensors by input name: see given-source.ts
 *
 * Encoded images (in tar archives, folders, and columns {bytes, path} or of byte strings) are decoded as they are read. All is read lazily:
 * memory does not grow with the data. A reader is imported when there is something for it to read: worker threads, which read none of these, start the sooner.
 *
 * @throws file-unreadable for what cannot be read; data-invalid for what is none of these, empty, or cut short
 */
export async function openSource(data: string | AsyncIterable<Given> | Iterable<Given>, options: OpenOptions = {}): Promise<Source> {
  options.signal?.throwIfAborted();
  const stored = typeof data === 'string' ? await orAborted(openStored(data, options), options.signal) : await (await import('./given-source.ts')).givenSource(iterable(data));
  const all = await decoded(stored, options);
  const source = options.sample ? (await import('./sampled-source.ts')).sampledSource(all, options.sample) : all;
  const others = [...stored.others ?? [], ...otherColumns(stored)], { files, notices } = stored;
  return { ...source, ...(others.length > 0 && { others }), ...(files && { files }), ...(notices && { notices }) };
}

function otherColumns({ schema, columns }: StoredSource): OtherColumn[] {
  return schema.fields.filter(field => !columns.some(({ name }) => name === field.name) && !isImageField(field)).map(({ name, type }) => ({ name, type: String(type) }));
}

/** @throws config-invalid for what a program took for data */
function iterable(data: AsyncIterable<Given> | Iterable<Given>): AsyncIterable<Given> | Iterable<Given> {
  if (typeof data === 'object' && data !== null && 'batches' in data && Array.isArray(data.batches)) return data.batches as Given[]; // a table of apache-arrow
  if (typeof data === 'object' && data !== null && (Symbol.asyncIterator in data || Symbol.iterator in data)) return data;
  const given = typeof data === 'object' && data !== null ? `an object with ${Object.keys(data).map(key => `'${key}'`).join(', ') || 'nothing in it'}` : typeof data === 'function' ? 'a function' : String(data);
  throw new QuantpipeError('config-invalid', `data must be a path, an address, an open source, a table, or an (async) iterable of record batches or of { input: tensor }, got ${given}`);
}

async function decoded(stored: StoredSource, options: OpenOptions): Promise<Source> {
  if (!stored.schema.fields.some(isImageField)) return stored;
  const { images: settings = {}, inputs = [], columns = inputs.map(({ name }) => name) } = options;
  const inputOf = (column: string) => inputs[columns.indexOf(column)] ?? (inputs.length === 1 ? inputs[0] : undefined);
  const { decodedSource } = await import('./images/decoded-source.ts');
  return decodedSource(stored, stored.schema, { settings, inputOf });
}

async function openStored(path: string, { columns, stdin, signal }: OpenOptions): Promise<StoredSource> {
  if (path === '-') {
    if (stdin === undefined) throw new QuantpipeError('config-invalid', "'-' reads a stream, and none was given: pass it as the option stdin");
    return arrowStreamSource(streamBytes('standard input', destroyedBy(signal, stdin)));
  }
  if (isAddress(path)) return addressSource(path, columns);
  const info = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' && /^[a-z][a-z0-9+.-]+:\/\//i.test(path)) throw new QuantpipeError('file-unreadable', `cannot read ${path}: only addresses of http and https are read`, { file: path });
    if (cause.code === 'ENOENT' && isPattern(path)) return null;
    throw unreadable(path, cause);
  });
  if (info === null) return filesSource(path, await matchingFiles(path), columns);
  if (info.isDirectory()) return anyFolderSource(path, columns);
  if (info.isFIFO()) return arrowStreamSource(streamBytes(path, await openNamedPipe(path, signal)));
  if (!info.isFile()) return arrowStreamSource(streamBytes(path, createReadStream(path))); // a device
  if (info.size === 0) throw new QuantpipeError('data-invalid', `${path} is empty`, { file: path });
  return isImageName(path) ? imagesSource(path, [{ path, label: null }]) : fileSource(path, { columns });
}

/** By ranges; an Arrow stream, which is read from its beginning, needs none. */
async function addressSource(address: string, columns?: readonly string[]): Promise<StoredSource> {
  try {
    return await fileSource(address, { columns });
  } catch (error) {
    if (!(error instanceof NoRanges)) throw error;
    const content = HttpBytes.stream(address), { value: start } = await content.next();
    if (start instanceof Uint8Array && couldBeStream(start)) return arrowStreamSource(streamBytes(address, chained(start, content)));
    await content.return(undefined);
    throw error;
  }
}

async function* chained<T>(first: T, others: AsyncIterable<T>): AsyncGenerator<T> {
  yield first;
  yield* others;
}

async function anyFolderSource(path: string, columns?: readonly string[]): Promise<StoredSource> {
  const files = await dataFiles(path);
  if (files.length > 0) return withNotices(await filesSource(path, files, columns), await unreadNotices(path, files));
  const { listTestData, testDataSource } = await import('./test-data-reader.ts');
  const testData = await listTestData(path);
  if (testData.length > 0) return testDataSource(path, testData, columns);
  const found = await listImages(path);
  if (found.images.length > 0) return withNotices(imagesSource(path, found.images), imageFolderNotices(path, found));
  const arrays = await (await import('./folder-reader.ts')).folderSource(path, columns);
  return withNotices(arrays, await unreadNotices(path, arrays.files!));
}

function withNotices(source: StoredSource, more: readonly string[]): StoredSource {
  const notices = [...source.notices ?? [], ...more];
  return notices.length > 0 ? { ...source, notices } : source;
}

async function filesSource(name: string, paths: readonly string[], columns?: readonly string[]): Promise<StoredSource> {
  if (paths.every(isImageName)) return imagesSource(name, paths.map(path => ({ path, label: null })));
  const sources: StoredSource[] = [];
  const column = new Set(paths.map(path => basename(path))).size === 1 ? undefined : UNNAMED;
  for (const path of paths) sources.push(await fileSource(path, { columns, array: column }));
  const { joinedSource } = await import('./joined-source.ts');
  return { ...joinedSource(name, sources as [StoredSource, ...StoredSource[]]), files: paths };
}

function imagesSource(name: string, images: readonly ImageFile[]): StoredSource {
  return { ...imageFilesSource(name, images), files: images.map(({ path }) => path) };
}

/** NumPy's name of an array that was given none: of files of different names that are read as one column. */
const UNNAMED = 'arr_0';

/** How a file of arrays is read. */
interface ArrayNames {
  /** Columns that the model needs. */
  readonly columns?: readonly string[] | undefined;
  /** Column of a file that is one array; default its name. */
  readonly array?: string | undefined;
}

async function fileSource(path: string, names: ArrayNames): Promise<StoredSource> {
  return { ...await oneFileSource(path, names), files: [path] };
}

async function oneFileSource(path: string, { columns, array }: ArrayNames): Promise<StoredSource> {
  const start = await firstBytes(path);
  const text = String.fromCharCode(...start.subarray(0, 8));
  if (text.startsWith(ARROW_MAGIC)) return arrowFileSource(path);
  if (text.startsWith(PARQUET_MAGIC)) return (await import('./parquet/parquet-source.ts')).parquetSource(path);
  if (isNpy(start)) return (await import('./npy-reader.ts')).npySource(path, array);
  if (ZIP_MAGICS.some(magic => text.startsWith(magic))) {
    if (isAddress(path)) throw new QuantpipeError('data-invalid', `${path} is a .npz archive, which is read from a file: download it first`, { file: path });
    return (await import('./npz-reader.ts')).npzSource(path, columns);
  }
  if (text.startsWith(GZIP_MAGIC)) throw new QuantpipeError('data-invalid', `${path} is compressed with gzip: decompress it first (gunzip)`, { file: path });
  if (isTar(start)) return (await import('./images/tar-images.ts')).tarSource(path);
  if (couldBeStream(start)) return arrowStreamFileSource(path);
  const shown = Buffer.from(start.subarray(0, 8)).toString('hex').replaceAll(/(..)(?=.)/g, '$1 ');
  throw new QuantpipeError('data-invalid', `${path} is not Arrow, Parquet, .npy, .npz or .tar data: it begins with the bytes ${shown}`, { file: path });
}

/** A stream begins with a continuation mark; before Arrow 0.15 with the length of its schema, less than 16 MiB. */
function couldBeStream(start: Uint8Array): boolean {
  return start.length >= 4 && (start.subarray(0, 4).every(byte => byte === 0xff) || (start[3] === 0 && start.subarray(0, 3).some(byte => byte !== 0)));
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await openBytes(path);
  try {
    return await file.from(0).upTo(TAR_BLOCK_BYTES);
  } finally {
    await file.close();
  }
}
