import { DataType, type Field, type RecordBatch, type Schema } from 'apache-arrow';

import { QuantpipeError } from '../../base/errors.ts';
import type { SessionInput } from '../../base/tensor.ts';
import { columnsOf } from '../column.ts';
import { concatRows } from '../concat.ts';
import { decoding } from '../ipc-messages.ts';
import { batchesWithoutNulls } from '../nulls.ts';
import { recordBatch, skippable } from '../record-batches.ts';
import type { BadSample, IsWanted, Source } from '../source.ts';
import { SLICE_BYTES } from '../stored-arrays.ts';
import { joinedValues, raggedData, raggedField, tensorData, tensorField, type Sample } from '../tensor-columns.ts';
import { decodeImage } from './decode-image.ts';
import { isImageField } from './encoded-images.ts';
import { checkImageSettings, IMAGES_AS_THEY_ARE, imageTarget, type ImageSettings, type ImageTarget } from './image-settings.ts';
import { transformImage } from './transform-image.ts';

/** Images that are decoded at the same time. */
const AT_ONCE = 8;
/** Most images in a batch: while one batch is decoded, the blocks of the one before it are at work. */
const MAX_BATCH_IMAGES = 64;

/** How the images of a source are read. */
export interface DecodeOptions {
  readonly settings: Partial<ImageSettings>;
  /** The model input that a column is for, where that is known. */
  readonly inputOf: (column: string) => SessionInput | undefined;
}

/**
 * A source whose columns of encoded images are decoded as they are read: columns of uint8 tensors, laid out as the model reads them. An
 * image that cannot be read is a {@link BadSample}.
 *
 * @param schema of the batches of `encoded`
 */
export function decodedSource(encoded: Source, schema: Schema, { settings, inputOf }: DecodeOptions): Source {
  const checked = checkImageSettings({ ...IMAGES_AS_THEY_ARE, ...settings }, 'images');
  const decoders = schema.fields.filter(isImageField).map(({ name }): Decoder => {
    const target = imageTarget(inputOf(name)?.shape, checked.channels);
    return { name, settings: checked, target, field: pixelField(name, checked, target) };
  });
  const fields = schema.fields.map(field => decoders.find(({ name }) => name === field.name)?.field ?? field);
  const columns = columnsOf({ fields }, encoded.name).map(column => ({ ...column, isImage: decoders.some(({ name }) => name === column.name) }));
  return { name: encoded.name, rows: encoded.rows, columns, batches: skippable((isWanted, names) => decodedBatches(encoded, decoders, isWanted, names)) };
}

interface Decoder {
  readonly name: string;
  readonly settings: ImageSettings;
  readonly target: ImageTarget;
  readonly field: Field;
}

/** Of one shape where crop, exact size or model fix it. */
function pixelField(name: string, { resize, crop }: ImageSettings, { channels, channelAxis, height, width }: ImageTarget): Field {
  const exact = resize !== null && 'height' in resize ? resize : null;
  const size = [crop?.height ?? exact?.height ?? height, crop?.width ?? exact?.width ?? width];
  const count = channels === 'gray' ? 1 : 3;
  const shape = channelAxis === 'first' ? [count, ...size] : [...size, count];
  return shape.every(dim => dim !== null) ? tensorField(name, 'uint8', shape) : raggedField(name, 'uint8', shape);
}

async function* decodedBatches(source: Source, decoders: readonly Decoder[], isWanted: IsWanted, names?: readonly string[]): AsyncGenerator<RecordBatch | BadSample | number> {
  let row = 0;
  for await (const batch of batchesWithoutNulls(source, isWanted, names)) {
    if (typeof batch === 'number' || 'bad' in batch) {
      row += typeof batch === 'number' ? batch : 1;
      yield batch;
      continue;
    }
    const first = row;
    yield* decodeBatch(batch, decoders.filter(({ name }) => batch.schema.fields.some(field => field.name === name)), source.name, (begin, end) => isWanted(first + begin, first + end));
    row += batch.numRows;
  }
}

async function* decodeBatch(batch: RecordBatch, decoders: readonly Decoder[], where: string, isWanted: IsWanted): AsyncGenerator<RecordBatch | BadSample | number> {
  if (decoders.length === 0) return yield batch;
  const columns = decoders.map(decoder => ({ decoder, imageAt: encodedImages(batch, decoder.name, where) }));
  const read = (row: number) => Promise.all(columns.map(({ decoder, imageAt }) => decodeSample(imageAt(row), decoder)));
  let held: Sample[][] = [], bytes = 0, begin = 0;
  const flush = () => rowsOf(batch, decoders, held, begin, where);
  for (let next = 0; next < batch.numRows; next += AT_ONCE) {
    const rows = Array.from({ length: Math.min(AT_ONCE, batch.numRows - next) }, (_, i) => next + i);
    const results = await Promise.allSettled(rows.map(row => isWanted(row, row + 1) ? read(row) : null));
    for (const [i, result] of results.entries()) {
      if (result.status === 'fulfilled' && result.value !== null) {
        if (held.length === 0) begin = next + i;
        held.push(result.value);
        bytes += result.value.reduce((sum, { values }) => sum + values.byteLength, 0);
        if (bytes < SLICE_BYTES && held.length < MAX_BATCH_IMAGES) continue;
      }
      if (held.length > 0) yield flush();
      [held, bytes] = [[], 0];
      if (result.status === 'rejected') yield badSample(result.reason);
      else if (result.value === null) yield 1;
    }
  }
  if (held.length > 0) yield flush();
}

/** What one sample's data are to blame for; anything else is thrown on. */
function badSample(error: unknown): BadSample {
  if (error instanceof QuantpipeError && error.code === 'data-invalid') return { bad: error.message };
  throw error;
}

async function decodeSample({ bytes, path }: EncodedSample, { name, settings, target }: Decoder): Promise<Sample> {
  const called = path === '' ? `column '${name}'` : `'${path}'`;
  if (bytes === null) throw new QuantpipeError('data-invalid', path === '' ? `${called} is null there` : `${called}: the data hold its path only, not its bytes`);
  try {
    return transformImage(await decodeImage(bytes), settings, target);
  } catch (error) {
    if (error instanceof QuantpipeError && error.code === 'data-invalid') throw new QuantpipeError('data-invalid', `${called}: ${error.message}`, {}, { cause: error });
    throw error;
  }
}

interface EncodedSample {
  readonly bytes: Uint8Array | null;
  readonly path: string;
}

/** The images of a column, by row. */
function encodedImages(batch: RecordBatch, name: string, where: string): (row: number) => EncodedSample {
  const column = batch.getChild(name)!;
  const isStruct = DataType.isStruct(column.type);
  const [bytesOf, pathOf] = isStruct ? [column.getChild('bytes'), column.getChild('path')] : [column, null];
  return row => decoding(where, () => {
    const bytes: unknown = column.isValid(row) ? bytesOf?.get(row) : null, path: unknown = column.isValid(row) ? pathOf?.get(row) : null;
    return { bytes: bytes instanceof Uint8Array ? bytes : null, path: typeof path === 'string' ? path : '' };
  });
}

/** The rows from `begin` on of which `samples` were decoded. */
function rowsOf(batch: RecordBatch, decoders: readonly Decoder[], samples: readonly (readonly Sample[])[], begin: number, where: string): RecordBatch {
  const kept = [...batch.schema.fields.entries()].filter(([, field]) => decoders.some(({ name }) => name === field.name) || columnsOf({ fields: [field] }, where).length > 0);
  const columns = kept.map(([i, field]) => {
    const at = decoders.findIndex(({ name }) => name === field.name);
    if (at < 0) return concatRows([{ data: batch.data.children[i]!, begin, end: begin + samples.length }], `column '${field.name}' of ${where}`);
    const column = decoders[at]!.field, images = samples.map(sample => sample[at]!);
    return DataType.isStruct(column.type) ? raggedData(column, images) : tensorData(column, joinedValues('uint8', images), images.length);
  });
  return recordBatch(kept.map(([, field]) => decoders.find(({ name }) => name === field.name)?.field ?? field), columns);
}
