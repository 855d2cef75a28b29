import { DataType, Field, FixedSizeList, List, Utf8, makeData, type Data, type Schema } from 'apache-arrow';

import { QuantpipeError } from '../../base/errors.ts';
import { elementCount, type DType } from '../../base/tensor.ts';
import type { Values } from '../cast.ts';
import { columnOf, isRagged } from '../column.ts';
import { imageData, imageField, textData } from '../images/encoded-images.ts';
import { arrowType, leafData, raggedData, raggedField, tensorField } from '../tensor-columns.ts';
import type { SchemaTree } from './hyparquet.ts';
import { leafOf, pathsBelow, type Leaf } from './leaf.ts';
import type { LeafRows } from './leaf-rows.ts';
import type { PageValues } from './page-values.ts';

/** A column of a Parquet file that quantpipe reads: the Arrow field it becomes, and how. */
export interface ParquetColumn {
  readonly field: Field;
  readonly leaves: readonly Leaf[];
  /** @param rows of each leaf, equally many */
  build(rows: readonly LeafRows[], where: string): Data;
}

/**
 * The columns that quantpipe can read, in order. Parquet has numbers, texts, byte strings, lists and structs; what else Arrow
 * knows (lists of fixed size, tensors, metadata) comes from the Arrow schema that Arrow's writers keep in the file, where there is one.
 *
 *   number, bool, text                   as it is
 *   list                                 ragged along one axis, or of the fixed sizes that the Arrow schema tells
 *   list of lists                        ragged along each axis, the same
 *   struct {data, shape}                 arrow.variable_shape_tensor, where the Arrow schema says so
 *   struct {bytes, path}, byte string    encoded images
 */
export function parquetColumns(root: SchemaTree, arrow: Schema | null): ParquetColumn[] {
  return root.children.flatMap(node => {
    const field = arrow?.fields.find(({ name }) => name === node.element.name) ?? null;
    return imageColumn(node) ?? raggedStruct(node, field) ?? listColumn(node, field) ?? [];
  });
}

function imageColumn(node: SchemaTree): ParquetColumn | null {
  const bytes = node.children.length === 0 ? node : node.children.find(({ element }) => element.name === 'bytes');
  const path = node.children.find(({ element }) => element.name === 'path');
  if (!bytes || bytes.children.length > 0) return null;
  const leaf = leafOf(bytes === node ? [node] : [node, bytes]);
  if (leaf === null || leaf.dtype !== 'binary' || leaf.listLevels.length > 0) return null;
  const pathLeaf = path && path.children.length === 0 ? leafOf([node, path]) : null;
  const leaves = pathLeaf?.dtype === 'string' ? [leaf, { ...pathLeaf, isOptional: true as const }] : [leaf];
  const field = imageField(node.element.name);
  return { field, leaves, build: ([stored, paths]) => imageData(pieces(stored!), paths ? pieces(paths).map(text) : null) };
}

function raggedStruct(node: SchemaTree, arrow: Field | null): ParquetColumn | null {
  const column = arrow && isRagged(arrow.type) ? columnOf(arrow, 'the Arrow schema') : null;
  const [data, shape] = node.children.length === 2 ? pathsBelow(node).map(leafOf) : [];
  if (!column || !data || !shape || data.listLevels.length !== 1 || shape.listLevels.length !== 1 || data.dtype !== column.dtype) return null;
  const field = new Field(arrow!.name, raggedField(arrow!.name, column.dtype, column.shape).type, false, arrow!.metadata);
  const rank = column.shape.length;
  return {
    field, leaves: [data, shape],
    build([stored, dims], where) {
      const values = numbersOf(stored!, data), shapes = numbersOf(dims!, shape) as Int32Array;
      if (dims!.lengths[0]!.some(length => length !== rank)) throw new QuantpipeError('data-invalid', `${where}: a shape does not have ${rank} dimensions`);
      const sizes = stored!.lengths[0]!;
      let at = 0;
      const samples = sizes.map((size, row) => ({ shape: Array.from(shapes.subarray(row * rank, (row + 1) * rank), Number), values: values.subarray(at, at += size) }));
      return raggedData(field, samples);
    },
  };
}

function listColumn(node: SchemaTree, arrow: Field | null): ParquetColumn | null {
  const paths = pathsBelow(node);
  const leaf = paths.length === 1 ? leafOf(paths[0]!) : null;
  if (leaf === null || leaf.dtype === 'binary') return null;
  const name = node.element.name, { dtype, listLevels: { length: depth } } = leaf;
  if (dtype === 'string') return depth > 0 ? null : { field: new Field(name, new Utf8(), false), leaves: [leaf], build: ([rows]) => textData(pieces(rows!).map(text)) };
  const sizes = fixedSizes(arrow, depth);
  const isRaggedTensor = sizes.slice(1).includes(null);
  const described = isRaggedTensor ? raggedField(name, dtype, sizes) : new Field(name, listType(dtype, sizes), false);
  const field = arrow ? new Field(name, described.type, false, new Map([...described.metadata, ...arrow.metadata])) : depth === 0 ? tensorField(name, dtype, []) : described;
  return {
    field, leaves: [leaf],
    build([rows], where) {
      const values = numbersOf(rows!, leaf);
      if (isRaggedTensor) return raggedData(field, raggedSamples(rows!, values, where));
      for (const [level, size] of sizes.entries()) checkLengths(rows!.lengths[level]!, size, where);
      return nested(field.type, rows!, values, 0);
    },
  };
}

/** The list sizes that an Arrow field tells, null where they differ from row to row; all null without one. */
function fixedSizes(arrow: Field | null, depth: number): (number | null)[] {
  const sizes: (number | null)[] = [];
  let type: DataType | undefined = arrow?.type;
  while (type && (DataType.isFixedSizeList(type) || DataType.isList(type) || DataType.isLargeList(type))) {
    sizes.push(DataType.isFixedSizeList(type) ? type.listSize : null);
    type = type.children[0]?.type;
  }
  return sizes.length === depth ? sizes : Array<null>(depth).fill(null);
}

function listType(dtype: DType, [size, ...inner]: readonly (number | null)[]): DataType {
  if (size === undefined) return arrowType(dtype);
  const item = new Field('item', listType(dtype, inner), false);
  return size === null ? new List(item) : new FixedSizeList(size, item);
}

function nested(type: DataType, rows: LeafRows, values: Values, level: number): Data {
  const length = level === 0 ? rows.rows : rows.lengths[level - 1]!.reduce((sum, size) => sum + size, 0);
  if (DataType.isFixedSizeList(type)) return makeData({ type, length, nullCount: 0, child: nested(type.children[0]!.type, rows, values, level + 1) });
  if (!DataType.isList(type)) return leafData(type, values);
  const offsets = new Int32Array(length + 1);
  for (const [i, size] of rows.lengths[level]!.entries()) offsets[i + 1] = offsets[i]! + size;
  return makeData({ type, length, nullCount: 0, valueOffsets: offsets, child: nested(type.children[0]!.type, rows, values, level + 1) });
}

function checkLengths(lengths: readonly number[], size: number | null, where: string): void {
  const wrong = size === null ? undefined : lengths.find(length => length !== size);
  if (wrong !== undefined) throw new QuantpipeError('data-invalid', `${where}: a list holds ${wrong} values, its Arrow schema says ${size!}`);
}

/** Lists of lists as tensors: on each level all lists of a row are equally long. */
function raggedSamples({ rows, lengths }: LeafRows, values: Values, where: string): { shape: number[]; values: Values }[] {
  const at = lengths.map(() => 0);
  let value = 0;
  return Array.from({ length: rows }, () => {
    const shape: number[] = [];
    for (const [level, all] of lengths.entries()) {
      const lists = elementCount(shape), first = lists === 0 ? 0 : all[at[level]!]!;
      for (let i = 0; i < lists; i++) if (all[at[level]! + i] !== first) throw new QuantpipeError('data-invalid', `${where}: a sample is no tensor: one of its lists holds ${first} values, another ${all[at[level]! + i]}`);
      at[level]! += lists;
      shape.push(first);
    }
    return { shape, values: values.subarray(value, value += elementCount(shape)) };
  });
}

/** The values of all pieces in one array of the leaf's type; narrow integers are stored as int32, unsigned ones as signed. */
function numbersOf({ values }: LeafRows, { dtype }: Leaf): Values {
  const { ArrayType } = arrowType(dtype as DType);
  const count = values.reduce((sum, { length }) => sum + length, 0);
  const all = new ArrayType(new ArrayBuffer(count * ArrayType.BYTES_PER_ELEMENT), 0, count) as Values;
  let at = 0;
  for (const piece of values) {
    all.set(numeric(piece) as never, at);
    at += piece.length;
  }
  return all;
}

function numeric(piece: PageValues): ArrayLike<number | bigint> {
  if (!Array.isArray(piece)) return piece as Float32Array;
  return (piece as Uint8Array[]).map(([low, high]) => low! | (high! << 8)); // float16: two bytes
}

function pieces({ values }: LeafRows): Uint8Array[] {
  return values.flatMap(piece => piece as Uint8Array[]);
}

const utf8 = new TextDecoder();

function text(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}
