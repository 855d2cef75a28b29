import { Field, FixedSizeList, Float32, makeData, RecordBatch, RecordBatchFileWriter, Schema, Struct } from 'apache-arrow';

/** An Arrow file of float32 samples: one FixedSizeList column for each name, `size` values a sample. */
export function samplesFile(columns: Readonly<Record<string, { readonly size: number; readonly values: Float32Array }>>, rows: number): Uint8Array {
  const value = new Field('item', new Float32(), false);
  const fields = Object.entries(columns).map(([name, { size }]) => new Field(name, new FixedSizeList(size, value), false));
  const children = Object.values(columns).map(({ values }, i) => makeData({
    type: fields[i]!.type, length: rows, child: makeData({ type: new Float32(), length: values.length, data: values }),
  }));
  const schema = new Schema(fields);
  const writer = new RecordBatchFileWriter();
  if (rows > 0) writer.write(new RecordBatch(schema, makeData({ type: new Struct(fields), length: rows, children: children as never })));
  else writer.reset(undefined, schema);
  return writer.finish().toUint8Array(true);
}
