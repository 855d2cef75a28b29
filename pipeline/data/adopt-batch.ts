import { Binary, Bool, Data, DataType, Field, FixedSizeList, Float, Int, LargeBinary, LargeList, LargeUtf8, List, makeData, RecordBatch, Schema, Struct, Utf8 } from 'apache-arrow';

import { QuantpipeError } from '../base/errors.ts';

/**
 * A record batch of another copy of apache-arrow (of a program's own version, or its CommonJS build) as one of this copy, which knows its own classes only.
 * Memory is shared. Batches of this copy stay what they are.
 *
 * @throws data-invalid naming a column of a type that no model reads
 */
export function adoptBatch(batch: RecordBatch, where: string): RecordBatch {
  if (Object.prototype.isPrototypeOf.call(RecordBatch.prototype, batch)) return batch; // instanceof holds for every copy
  const { schema, data, numRows } = batch as RecordBatch;
  const fields = schema.fields.map(field => adoptField(field, `${where}, column '${field.name}'`));
  const children = data.children.map((child, i) => adoptData(child, fields[i]!.type));
  return new RecordBatch(new Schema(fields, schema.metadata), makeData({ type: new Struct(fields), length: numRows, nullCount: 0, children }));
}

function adoptField({ name, type, nullable, metadata }: Field, where: string): Field {
  return new Field(name, adoptType(type, where), nullable, metadata);
}

function adoptType(type: DataType, where: string): DataType {
  const fields = () => (type.children as Field[]).map(field => adoptField(field, where));
  if (DataType.isBool(type)) return new Bool();
  if (DataType.isInt(type)) return new Int(type.isSigned, type.bitWidth);
  if (DataType.isFloat(type)) return new Float(type.precision);
  if (DataType.isUtf8(type)) return new Utf8();
  if (DataType.isLargeUtf8(type)) return new LargeUtf8();
  if (DataType.isBinary(type)) return new Binary();
  if (DataType.isLargeBinary(type)) return new LargeBinary();
  if (DataType.isList(type)) return new List(fields()[0]!);
  if (DataType.isLargeList(type)) return new LargeList(fields()[0]!);
  if (DataType.isFixedSizeList(type)) return new FixedSizeList(type.listSize, fields()[0]!);
  if (DataType.isStruct(type)) return new Struct(fields());
  throw new QuantpipeError('data-invalid', `${where}: of another copy of apache-arrow than quantpipe's, columns of type ${String(type)} are not read: leave it out`);
}

function adoptData({ offset, length, nullCount, valueOffsets, values, nullBitmap, typeIds, children }: Data, type: DataType): Data {
  const inner = type.children as readonly Field[] | null;
  return new Data(type, offset, length, nullCount, [valueOffsets, values, nullBitmap, typeIds] as never, children.map((child, i) => adoptData(child, inner![i]!.type)));
}
