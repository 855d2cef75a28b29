import { readFile, readFileSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Field, Int32, Schema, type RecordBatch } from 'apache-arrow';

import { QuantpipeError } from '../../base/errors.ts';
import { listedNames } from '../../base/listed.ts';
import { unreadable } from '../../base/text-file.ts';
import { LABEL_COLUMN } from '../bind.ts';
import { columnsOf } from '../column.ts';
import { entriesOf, filesBelow } from '../list-files.ts';
import { recordBatch, skippable } from '../record-batches.ts';
import type { BadSample, IsWanted, StoredSource } from '../source.ts';
import { SLICE_BYTES } from '../stored-arrays.ts';
import { leafData } from '../tensor-columns.ts';
import { imageData, imageField } from './encoded-images.ts';

/** Name of the column of a folder of images, and of a tar archive of them. */
export const IMAGE_COLUMN = 'image';

/** An image that is a file of its own. */
export interface ImageFile {
  readonly path: string;
  /** Number of its class, where there are classes. */
  readonly label: number | null;
}

export function isImageName(name: string): boolean {
  return /\.(jpe?g|png|webp)$/i.test(name);
}

/** Images of formats that are not read. */
function isOtherImageName(name: string): boolean {
  return /\.(bmp|gif|tiff?|avif|heic|heif|jp2|jxl|ppm|pgm)$/i.test(name);
}

/** The images of a folder. */
export interface ImageFolder {
  readonly images: readonly ImageFile[];
  /** Paths, from the folder on, of images of other formats. */
  readonly unread: readonly string[];
  /** Whether images lie beside folders of images, which are no classes then. */
  readonly isMixed: boolean;
}

/**
 * The images of a folder, in the order of their names (by code unit). Where it holds folders only, each is a class: classes are numbered in the
 * order of their names, from 0, and images lie anywhere below them. Symbolic links are followed, hidden names (.cache) passed over.
 */
export async function listImages(folder: string): Promise<ImageFolder> {
  const { files, folders } = await entriesOf(folder);
  const below: string[][] = [];
  for (const name of folders) below.push((await filesBelow(join(folder, name), [await realpath(folder)])).map(path => join(name, path)).sort());
  const here = files.filter(isImageName).sort(), unread = [...files, ...below.flat()].filter(isOtherImageName);
  const classes = below.map(paths => paths.filter(isImageName));
  const isMixed = here.length > 0 && classes.some(paths => paths.length > 0);
  const images = [here, ...classes].flatMap((paths, i) => paths.map(path => ({ path: join(folder, path), label: here.length > 0 ? null : i - 1 })));
  return { images, unread, isMixed };
}

/** What the user should know of a folder of images. */
export function imageFolderNotices(folder: string, { images, unread, isMixed }: ImageFolder): string[] {
  return [
    ...(unread.length > 0 ? [`${folder} holds ${unread.length} ${unread.length === 1 ? 'image' : 'images'} that ${unread.length === 1 ? 'is' : 'are'} not read, because ${unread.length === 1 ? 'it is' : 'they are'} no JPEG, PNG or WebP: ${listedNames(unread)}`] : []),
    ...(isMixed ? [`${folder} holds images beside folders of images: all ${images.length} are read, and the folders are no classes`] : []),
  ];
}

/** Image files as a source: a column of images, and one of labels where there are classes. */
export function imageFilesSource(name: string, files: readonly ImageFile[]): StoredSource {
  const fields = [imageField(IMAGE_COLUMN), ...(files.some(({ label }) => label !== null) ? [new Field(LABEL_COLUMN, new Int32(), false)] : [])];
  const schema = new Schema(fields);
  return { name, rows: files.length, schema, columns: columnsOf(schema, name), batches: skippable(isWanted => fileBatches(files, fields, isWanted)) };
}

/** Most files that are read at the same time. */
const FILES_AT_ONCE = 64;

/** As many files at the same time as make a slice, if they are as large as those before them. */
async function* fileBatches(files: readonly ImageFile[], fields: readonly Field[], isWanted: IsWanted): AsyncGenerator<RecordBatch | BadSample | number> {
  const reader = new FileReader();
  let atOnce = 1;
  for (let begin = 0; begin < files.length;) {
    const group = files.slice(begin, begin + atOnce);
    const read = await reader.read(group.map(({ path }, i) => isWanted(begin + i, begin + i + 1) ? path : null));
    yield* groupBatches(group, read, fields);
    begin += group.length;
    const largest = Math.max(...read.map(found => found instanceof Uint8Array ? found.length : 0));
    if (largest > 0) atOnce = Math.max(1, Math.min(FILES_AT_ONCE, Math.floor(SLICE_BYTES / largest)));
  }
}

/** Milliseconds for a file, of many that are read at the same time, below which it is sooner read at once than handed to a thread. */
const QUICK = 0.25;
/** Milliseconds for a single file after which none is read at once any more: its storage is slow. */
const SLOW = 1;
/** Takes the main thread half as long as the one of node:fs/promises. */
const readLater = promisify(readFile);

/**
 * Reads whole files: several at the same time, by threads, as long as their storage makes one wait for it. A small file on a fast disk takes less than
 * the four ways to a thread that this is otherwise: a folder of images of a few hundred bytes is read a third faster.
 */
class FileReader {
  #isQuick = false;

  /** Bytes, or why a file could not be read; null where there is no path. */
  async read(paths: readonly (string | null)[]): Promise<(Uint8Array | QuantpipeError | null)[]> {
    const begin = performance.now();
    const read = paths.map(path => path === null ? null : this.#isQuick ? this.#readNow(path) : readLater(path).catch(cause => unreadable(path, cause)));
    const found = await Promise.all(read);
    this.#isQuick = (performance.now() - begin) / paths.length < QUICK;
    return found;
  }

  #readNow(path: string): Uint8Array | QuantpipeError {
    const begin = performance.now();
    try {
      return readFileSync(path);
    } catch (cause) {
      return unreadable(path, cause);
    } finally {
      if (performance.now() - begin > SLOW) this.#isQuick = false;
    }
  }
}

/** What was read of files that follow each other; null where one was not wanted. */
function* groupBatches(files: readonly ImageFile[], read: readonly (Uint8Array | QuantpipeError | null)[], fields: readonly Field[]): Generator<RecordBatch | BadSample | number> {
  let held: EncodedImage[] = [];
  for (const [i, found] of read.entries()) {
    if (found instanceof Uint8Array) {
      held.push({ bytes: found, path: files[i]!.path, label: files[i]!.label });
      continue;
    }
    if (held.length > 0) yield encodedBatch(fields, held);
    held = [];
    yield found === null ? 1 : { bad: found.message };
  }
  if (held.length > 0) yield encodedBatch(fields, held);
}

/** One sample of a folder or an archive. */
export interface EncodedImage {
  readonly bytes: Uint8Array;
  readonly path: string;
  readonly label: number | null;
}

/** Images, and their labels where the fields have them, as a batch. */
export function encodedBatch(fields: readonly Field[], images: readonly EncodedImage[]): RecordBatch {
  const columns = [imageData(images.map(({ bytes }) => bytes), images.map(({ path }) => path))];
  if (fields.length > 1) columns.push(leafData(new Int32(), Int32Array.from(images, ({ label }) => label!)));
  return recordBatch(fields, columns);
}
