import { Binary, DataType, Field, Struct, Utf8, makeData, vectorFromArray, type Data } from 'apache-arrow';

/** A field of encoded images: their bytes, and what to call each. */
export function imageField(name: string): Field {
  return new Field(name, new Struct([new Field('bytes', new Binary(), false), new Field('path', new Utf8(), false)]), false);
}

/** Encoded images as a column of an {@link imageField}. */
export function imageData(images: readonly Uint8Array[], paths: readonly string[] | null): Data {
  const offsets = new Int32Array(images.length + 1);
  for (const [i, { length }] of images.entries()) offsets[i + 1] = offsets[i]! + length;
  const bytes = new Uint8Array(offsets.at(-1)!);
  for (const [i, image] of images.entries()) bytes.set(image, offsets[i]!);
  const length = images.length;
  const children = [makeData({ type: new Binary(), length, nullCount: 0, valueOffsets: offsets, data: bytes }), textData(paths ?? images.map(() => ''))];
  return makeData({ type: imageField('').type as Struct, length, nullCount: 0, children });
}

/** Texts as a column. */
export function textData(texts: readonly string[]): Data {
  return vectorFromArray([...texts], new Utf8()).data[0] ?? makeData({ type: new Utf8(), length: 0, nullCount: 0, valueOffsets: new Int32Array(1), data: new Uint8Array(0) });
}

/** Whether a field holds encoded images: a struct of bytes and path, as Hugging Face's data sets have them, or bytes alone. */
export function isImageField({ type }: Field): boolean {
  if (isBinary(type)) return true;
  return DataType.isStruct(type) && type.children.some(child => child.name === 'bytes' && isBinary(child.type));
}

function isBinary(type: DataType): boolean {
  return DataType.isBinary(type) || DataType.isLargeBinary(type);
}
