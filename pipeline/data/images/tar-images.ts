import { Field, Int32, Schema, type RecordBatch } from 'apache-arrow';

import { QuantpipeError } from '../../base/errors.ts';
import { LABEL_COLUMN } from '../bind.ts';
import { buffered, take, type ByteReader } from '../byte-reader.ts';
import { columnsOf } from '../column.ts';
import { openBytes } from '../open-bytes.ts';
import { skippable } from '../record-batches.ts';
import type { BadSample, IsWanted, StoredSource } from '../source.ts';
import { SLICE_BYTES } from '../stored-arrays.ts';
import { tarEntries, type TarEntry } from '../tar-entries.ts';
import { imageField } from './encoded-images.ts';
import { encodedBatch, IMAGE_COLUMN, isImageName, type EncodedImage } from './image-files.ts';

/** Largest image and label files believed. */
const MAX_IMAGE_BYTES = 1 << 28;
const MAX_LABEL_BYTES = 1 << 20;
const LABEL_EXTENSIONS = ['cls', 'json'];
/** Most images in a batch, however small they are. */
const MAX_BATCH_IMAGES = 64;

/**
 * A tar archive of images, as WebDataset writes its shards: files that follow each other and have the same name up to its first point are one sample.
 * KEY.jpg (or .png, .webp) is the image, KEY.cls its class as a number, or KEY.json has it as "label"; other files are passed over.
 * All samples have a class, or none has: the first tells.
 */
export async function tarSource(path: string): Promise<StoredSource> {
  const { isLabelled, version } = await withReader(path, async (reader, version) => {
    for await (const { label } of samples(reader, () => true)) return { isLabelled: label !== null, version };
    throw new QuantpipeError('data-invalid', `${path} is a tar archive without images`, { file: path });
  });
  const fields = [imageField(IMAGE_COLUMN), ...(isLabelled ? [new Field(LABEL_COLUMN, new Int32(), false)] : [])];
  const schema = new Schema(fields);
  return { name: path, rows: null, schema, columns: columnsOf(schema, path), batches: skippable(isWanted => tarBatches(path, version, fields, isWanted)) };
}

async function withReader<T>(path: string, body: (reader: ByteReader, version: string | null) => Promise<T>): Promise<T> {
  const file = await openBytes(path);
  try {
    return await body(buffered(file.from(0)), file.version);
  } finally {
    await file.close();
  }
}

async function* tarBatches(path: string, version: string | null, fields: readonly Field[], isWanted: IsWanted): AsyncGenerator<RecordBatch | BadSample | number> {
  const file = await openBytes(path, version);
  let held: EncodedImage[] = [], bytes = 0;
  try {
    let row = 0;
    for await (const { image, name, label } of samples(buffered(file.from(0)), sample => isWanted(sample, sample + 1))) {
      const isBad = image !== null && fields.length > 1 && label === null;
      if (image !== null && !isBad) {
        held.push({ bytes: image, path: name, label });
        bytes += image.length;
      }
      if (held.length > 0 && (image === null || isBad || bytes >= SLICE_BYTES || held.length === MAX_BATCH_IMAGES)) {
        yield encodedBatch(fields, held);
        [held, bytes] = [[], 0];
      }
      if (isBad) yield { bad: `'${name}' of ${path} has no class, others have one` };
      else if (image === null) yield 1;
      row++;
    }
    if (held.length > 0) yield encodedBatch(fields, held);
  } finally {
    await file.close();
  }
}

/** A sample that was read, or passed over: then it has no image. */
interface TarSample {
  readonly name: string;
  readonly image: Uint8Array | null;
  readonly label: number | null;
}

async function* samples(reader: ByteReader, isRead: (sample: number) => boolean): AsyncGenerator<TarSample> {
  let key: string | null = null, index = 0;
  let found: { name: string; image: Uint8Array | null } | null = null, label: number | null = null;
  for await (const entry of tarEntries(reader)) {
    const [, entryKey = entry.name, extension = ''] = /^((?:.*\/)?[^/.]+)\.([^/]*)$/.exec(entry.name) ?? [];
    if (entryKey !== key) {
      if (found !== null) {
        yield { ...found, label };
        index++;
      }
      key = entryKey;
      found = null;
      label = null;
    }
    if (entry.unread !== null && (isImageName(entry.name) || LABEL_EXTENSIONS.includes(extension))) {
      throw new QuantpipeError('data-invalid', `${reader.name}: '${entry.name}' is ${entry.unread}, which is not read: make the archive with the files themselves (tar --dereference --hard-dereference, without --sparse)`, { file: reader.name });
    }
    const wanted = isRead(index);
    if (isImageName(entry.name)) {
      if (found !== null) throw new QuantpipeError('data-invalid', `${reader.name}: '${entryKey}' has two images, '${found.name}' and '${entry.name}'`);
      found = { name: entry.name, image: wanted ? await content(reader, entry, MAX_IMAGE_BYTES) : null };
    } else if (wanted && (extension === 'cls' || extension === 'json')) {
      label = labelOf(await content(reader, entry, MAX_LABEL_BYTES), extension) ?? label;
    }
  }
  if (found !== null) yield { ...found, label };
}

async function content(reader: ByteReader, { name, size }: TarEntry, most: number): Promise<Uint8Array> {
  if (size > most) throw new QuantpipeError('data-invalid', `${reader.name}: '${name}' has ${size} bytes, at most ${most} are read`, { file: reader.name });
  return take(reader, size, `'${name}'`);
}

function labelOf(bytes: Uint8Array, extension: 'cls' | 'json'): number | null {
  const text = new TextDecoder().decode(bytes).trim();
  const value: unknown = extension === 'cls' ? (/^\d+$/.test(text) ? Number(text) : null) : parsed(text);
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31 ? value as number : null;
}

function parsed(text: string): unknown {
  try {
    const { label, cls } = Object(JSON.parse(text)) as { label?: unknown; cls?: unknown };
    return label ?? cls;
  } catch {
    return null; // a sample without a class is told of as such
  }
}
