// Tensors as Arrow columns: the canonical extension types arrow.fixed_shape_tensor and arrow.variable_shape_tensor.

import {
  Data, DataType, Field, FixedSizeList, Float16, Float32, Float64, Int16, Int32, Int64, Int8, List, Struct, Uint16, Uint32, Uint64, Uint8, makeData,
} from 'apache-arrow';

import { check } from '../base/check.ts';
import { elementCount, type DType } from '../base/tensor.ts';
import type { Values } from './cast.ts';

/** A field for tensors of this element type and sample shape: arrow.fixed_shape_tensor, or a plain number where the shape is []. */
export function tensorField(name: string, dtype: DType, shape: readonly number[]): Field {
  const element = arrowType(dtype);
  if (shape.length === 0) return new Field(name, element, false);
  const metadata = new Map([['ARROW:extension:name', 'arrow.fixed_shape_tensor'], ['ARROW:extension:metadata', JSON.stringify({ shape })]]);
  return new Field(name, new FixedSizeList(elementCount(shape), new Field('item', element, false)), false, metadata);
}

/** A field for tensors whose shapes differ: arrow.variable_shape_tensor. */
export function raggedField(name: string, dtype: DType, shape: readonly (number | null)[]): Field {
  const data = new Field('data', new List(new Field('item', arrowType(dtype), false)), false);
  const dims = new Field('shape', new FixedSizeList(shape.length, new Field('item', new Int32(), false)), false);
  const metadata = new Map([['ARROW:extension:name', 'arrow.variable_shape_tensor'], ['ARROW:extension:metadata', JSON.stringify({ uniform_shape: shape })]]);
  return new Field(name, new Struct([data, dims]), false, metadata);
}

/** The values of `rows` samples, which follow each other, as a column of a {@link tensorField}. */
export function tensorData({ type }: Field, values: Values, rows: number): Data {
  if (!DataType.isFixedSizeList(type)) return leafData(type, values);
  return makeData({ type, length: rows, nullCount: 0, child: leafData(type.children[0]!.type, values) });
}

/** A sample of any shape. */
export interface Sample {
  readonly shape: readonly number[];
  readonly values: Values;
}

/** Samples of any shape as a column of a {@link raggedField}. */
export function raggedData({ type }: Field, samples: readonly Sample[]): Data {
  const [list, shape] = (type as Struct).children.map(child => child.type) as [List, FixedSizeList];
  const offsets = new Int32Array(samples.length + 1);
  for (const [i, { values }] of samples.entries()) offsets[i + 1] = offsets[i]! + values.length;
  const values = leafData(list.valueType, joined(list.valueType as ElementType, samples));
  const dims = leafData(new Int32(), Int32Array.from(samples.flatMap(sample => sample.shape)));
  const data = makeData({ type: list, length: samples.length, nullCount: 0, valueOffsets: offsets, child: values });
  const shapes = makeData({ type: shape, length: samples.length, nullCount: 0, child: dims });
  return makeData({ type: type as Struct, length: samples.length, nullCount: 0, children: [data, shapes] });
}

/** The values of samples in one array, in order. */
export function joinedValues(dtype: DType, samples: readonly Sample[]): Values {
  return joined(arrowType(dtype), samples);
}

/** Bytes as the values of an element type; they must begin a buffer. */
export function typedValues(dtype: DType, bytes: Uint8Array<ArrayBuffer>): Values {
  const { ArrayType } = arrowType(dtype);
  return new ArrayType(bytes.buffer, bytes.byteOffset, bytes.byteLength / ArrayType.BYTES_PER_ELEMENT) as Values;
}

/** Bytes of one element. */
export function elementBytes(dtype: DType): number {
  return arrowType(dtype).ArrayType.BYTES_PER_ELEMENT;
}

function joined({ ArrayType }: ElementType, samples: readonly Sample[]): Values {
  const length = samples.reduce((count, { values }) => count + values.length, 0);
  const all = new ArrayType(new ArrayBuffer(length * ArrayType.BYTES_PER_ELEMENT), 0, length) as Values;
  let at = 0;
  for (const { values } of samples) {
    all.set(values as never, at);
    at += values.length;
  }
  return all;
}

/** Values that begin a buffer, as a column of a primitive type. */
export function leafData(type: DataType, values: Values): Data {
  return new Data(type, 0, values.length, 0, [undefined, values] as unknown as Data);
}

/** Whether a column can hold tensors of this type. */
export function canHold(dtype: DType): boolean {
  return dtype in ELEMENT_TYPES;
}

/** The typed array that holds values of this type. */
export function typedArray(dtype: DType): { readonly name: string; new (length: number): Values } {
  return arrowType(dtype).ArrayType as unknown as { readonly name: string; new (length: number): Values };
}

/** Booleans are kept as bytes: a column is never bit-packed. */
export function arrowType(dtype: DType): ElementType {
  const type = ELEMENT_TYPES[dtype];
  check(type, `a column can hold ${dtype}`);
  return type;
}

/** An Arrow type whose values lie in a typed array. */
export type ElementType = DataType & { readonly ArrayType: { readonly BYTES_PER_ELEMENT: number; new (buffer: ArrayBuffer, offset: number, length: number): unknown } };

const ELEMENT_TYPES: Partial<Record<DType, ElementType>> = {
  bool: new Uint8(), int8: new Int8(), uint8: new Uint8(), int16: new Int16(), uint16: new Uint16(), int32: new Int32(), uint32: new Uint32(),
  int64: new Int64(), uint64: new Uint64(), float16: new Float16(), float32: new Float32(), float64: new Float64(),
};
