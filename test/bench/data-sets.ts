// The images of one Arrow file in all the forms that a data set of images comes in.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RecordBatch, RecordBatchFileWriter, RecordBatchStreamWriter } from 'apache-arrow';
import { parquetWriteBuffer } from 'hyparquet-writer';
import sharp from 'sharp';

import { recordBatch } from '../../pipeline/data/record-batches.ts';
import { tensorData, tensorField } from '../../pipeline/data/tensor-columns.ts';
import { tar } from '../../pipeline/cluster/tar.ts';

/** An image as the model reads it: uint8, channels first. */
export interface Image {
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  readonly values: Uint8Array;
}

/** Paths by form. */
export interface Forms {
  readonly arrow: string;
  /** A column of lists. */
  readonly parquet: string;
  /** A column of encoded images, as Hugging Face has them. */
  readonly encoded: string;
  readonly folder: string;
  readonly tar: string;
}

/** Rows of a record batch, and of a row group. */
const ROWS = 256;

/** Write `count` samples, the images again and again, in every form; the column is called `input`. */
export async function writeForms(folder: string, input: string, images: readonly Image[], count: number): Promise<Forms> {
  const forms = { arrow: join(folder, 'values.arrow'), parquet: join(folder, 'values.parquet'), encoded: join(folder, 'images.parquet'), folder: join(folder, 'images'), tar: join(folder, 'images.tar') };
  const rows = Array.from({ length: count }, (_, i) => images[i % images.length]!);
  const pngs = new Map<Image, Uint8Array>();
  for (const image of images) pngs.set(image, await png(image));
  const files = rows.map((image, i) => ({ path: `${String(i).padStart(6, '0')}.png`, bytes: pngs.get(image)! }));
  await writeFile(forms.arrow, arrowFile(input, rows));
  await writeFile(forms.parquet, valuesParquet(input, rows));
  await writeFile(forms.encoded, imagesParquet(files));
  await writeFile(forms.tar, Buffer.concat([...tar(files)]));
  await mkdir(forms.folder);
  for (const { path, bytes } of files) await writeFile(join(forms.folder, path), bytes);
  return forms;
}

function arrowFile(input: string, rows: readonly Image[], Writer: typeof RecordBatchFileWriter | typeof RecordBatchStreamWriter = RecordBatchFileWriter): Uint8Array {
  const writer = new Writer();
  for (let begin = 0; begin < rows.length; begin += ROWS) writer.write(arrowBatch(input, rows.slice(begin, begin + ROWS)));
  return writer.finish().toUint8Array(true);
}

function arrowBatch(input: string, rows: readonly Image[]): RecordBatch {
  const { channels, height, width, values: { length } } = rows[0]!;
  const field = tensorField(input, 'uint8', [channels, height, width]);
  const values = new Uint8Array(rows.length * length);
  rows.forEach((image, i) => values.set(image.values, i * length));
  return recordBatch([field], [tensorData(field, values, rows.length)]);
}

/** With the schema that Arrow's writers keep beside the data, for the shape. */
function valuesParquet(input: string, rows: readonly Image[]): Uint8Array {
  return new Uint8Array(parquetWriteBuffer({
    rowGroupSize: ROWS, columnData: [{ name: input, data: rows.map(({ values }) => [...values]) }],
    kvMetadata: [{ key: 'ARROW:schema', value: Buffer.from(arrowFile(input, rows.slice(0, 1), RecordBatchStreamWriter)).toString('base64') }],
    schema: [
      { name: 'root', num_children: 1 }, { name: input, repetition_type: 'REQUIRED', num_children: 1, converted_type: 'LIST' },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 }, { name: 'element', repetition_type: 'REQUIRED', type: 'INT32', converted_type: 'UINT_8' },
    ],
  }));
}

function imagesParquet(files: { readonly path: string; readonly bytes: Uint8Array }[]): Uint8Array {
  return new Uint8Array(parquetWriteBuffer({
    rowGroupSize: ROWS, columnData: [{ name: 'image', data: files }],
    schema: [
      { name: 'root', num_children: 1 }, { name: 'image', repetition_type: 'REQUIRED', num_children: 2 },
      { name: 'bytes', repetition_type: 'REQUIRED', type: 'BYTE_ARRAY' }, { name: 'path', repetition_type: 'REQUIRED', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
    ],
  }));
}

function png({ channels, height, width, values }: Image): Promise<Uint8Array> {
  const side = new Uint8Array(values.length), plane = height * width;
  for (let c = 0; c < channels; c++) for (let i = 0; i < plane; i++) side[i * channels + c] = values[c * plane + i]!;
  const image = sharp(side, { raw: { width, height, channels } });
  return (channels === 1 ? image.toColourspace('b-w') : image).png().toBuffer(); // or gray ones would be stored in colour
}
