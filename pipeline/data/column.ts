// What a column of an Arrow schema means to quantpipe: element type and the shape of one sample.

import { DataType, type Field, type FixedSizeList, type Schema } from 'apache-arrow';

import { QuantpipeError } from '../base/errors.ts';
import { elementCount, type DType } from '../base/tensor.ts';
import { parsePreprocess } from './preprocess-metadata.ts';
import type { Column } from './source.ts';

const EXTENSION_NAME = 'ARROW:extension:name';
const EXTENSION_METADATA = 'ARROW:extension:metadata';
/** More dimensions than any engine runs. */
const MAX_RANK = 32;

/** The columns of a schema that quantpipe can read, in order; others (dates, unions, …) are left out. */
export function columnsOf({ fields }: Pick<Schema, 'fields'>, source: string): Column[] {
  return fields.map(field => columnOf(field, source)).filter(column => column !== null);
}

/**
 * Describe one field; null where its type is none that can feed a model or label a sample.
 *
 *   number, bool                         scalar                    []
 *   FixedSizeList (nested)               tensor                    [list sizes]
 *   extension arrow.fixed_shape_tensor   tensor                    its `shape`
 *   extension arrow.variable_shape_tensor  ragged tensor           its `uniform_shape`, else null for each dimension
 *   List of the first two                ragged along one axis     [null, …]
 *   Utf8 in all its forms, Dictionary of it                        text
 */
export function columnOf(field: Field, source: string): Column | null {
  const where = `column '${field.name}' of ${source}`;
  const described = describe(field, where);
  if (described === null) return null;
  const isPlainList = DataType.isFixedSizeList(field.type) || DataType.isList(field.type) || DataType.isLargeList(field.type);
  const isFlat = isPlainList && described.shape.length === 1 && extensionOf(field) !== 'arrow.fixed_shape_tensor';
  return { name: field.name, ...described, isFlat, preprocess: parsePreprocess(field.metadata, where) };
}

/** Whether a field is a struct of data and shape, as arrow.variable_shape_tensor stores a ragged tensor. */
export function isRagged(type: DataType): boolean {
  return DataType.isStruct(type) && type.children.length === 2 && type.children[0]?.name === 'data' && type.children[1]?.name === 'shape'
    && (DataType.isList(type.children[0].type) || DataType.isLargeList(type.children[0].type)) && DataType.isFixedSizeList(type.children[1].type);
}

/** Whether values of this type are texts, however they are stored. */
export function isText(type: DataType): boolean {
  return DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type) || (DataType.isDictionary(type) && isText(type.dictionary));
}

/** Element type of a primitive Arrow type; null for any other. */
export function dtypeOf(type: DataType): DType | null {
  if (DataType.isInt(type)) return `${type.isSigned ? 'int' : 'uint'}${type.bitWidth}`;
  if (DataType.isFloat(type)) return (['float16', 'float32', 'float64'] as const)[type.precision]!;
  return DataType.isBool(type) ? 'bool' : null;
}

type Described = Pick<Column, 'dtype' | 'shape'>;

function describe(field: Field, where: string): Described | null {
  if (isText(field.type)) return { dtype: 'string', shape: [] };
  if (isRagged(field.type)) return ragged(field, where);
  if (DataType.isList(field.type) || DataType.isLargeList(field.type)) {
    const inner = fixed(itemType(field.type));
    return inner && { dtype: inner.dtype, shape: [null, ...inner.shape] };
  }
  const described = fixed(field.type);
  return described && extensionOf(field) === 'arrow.fixed_shape_tensor' ? { dtype: described.dtype, shape: tensorShape(field, described, where) } : described;
}

/** Missing where a file's schema is damaged. */
function itemType(list: DataType): DataType | undefined {
  return (list.children as Field[])[0]?.type;
}

function fixed(type: DataType | undefined): Described | null {
  const dtype = type ? dtypeOf(type) : null;
  if (dtype !== null) return { dtype, shape: [] };
  if (!type || !DataType.isFixedSizeList(type) || type.listSize < 0) return null;
  const inner = fixed(itemType(type));
  return inner && { dtype: inner.dtype, shape: [type.listSize, ...inner.shape] };
}

function ragged(field: Field, where: string): Described | null {
  const [data, shape] = field.type.children as [Field, Field];
  const item = itemType(data.type);
  const dtype = item ? dtypeOf(item) : null;
  if (dtype === null) return null;
  const rank = (shape.type as FixedSizeList).listSize;
  const shapeItem = itemType(shape.type);
  if (rank < 0 || rank > MAX_RANK || !shapeItem || dtypeOf(shapeItem) !== 'int32') {
    throw new QuantpipeError('data-invalid', `${where}: shapes of ${rank} ${String(shapeItem)} dimensions, at most ${MAX_RANK} of type Int32 are read`);
  }
  const metadata = extensionMetadata(field, where);
  refusePermutation(metadata, where);
  const uniform = metadata['uniform_shape'];
  if (uniform === undefined) return { dtype, shape: Array<null>(rank).fill(null) };
  if (!Array.isArray(uniform) || uniform.length !== rank) {
    throw new QuantpipeError('data-invalid', `${where}: uniform_shape ${JSON.stringify(uniform)} does not have the ${rank} dimensions of its shapes`);
  }
  return { dtype, shape: uniform.map(dim => (typeof dim === 'number' ? dim : null)) };
}

function tensorShape(field: Field, described: Described, where: string): readonly number[] {
  const metadata = extensionMetadata(field, where);
  refusePermutation(metadata, where);
  const shape = metadata['shape'];
  const stored = elementCount(described.shape as number[]);
  if (!Array.isArray(shape) || !shape.every(dim => Number.isInteger(dim) && dim >= 0) || elementCount(shape) !== stored) {
    throw new QuantpipeError('data-invalid', `${where}: shape ${JSON.stringify(shape)} is declared, ${stored} values are stored per sample`);
  }
  return shape;
}

function refusePermutation({ permutation }: Record<string, unknown>, where: string): void {
  const isIdentity = permutation === undefined || (Array.isArray(permutation) && permutation.every((axis, i) => axis === i));
  if (!isIdentity) throw new QuantpipeError('data-invalid', `${where}: permuted tensors are not supported, got permutation ${JSON.stringify(permutation)}`);
}

function extensionOf(field: Field): string | undefined {
  return field.metadata.get(EXTENSION_NAME);
}

function extensionMetadata(field: Field, where: string): Record<string, unknown> {
  const text = field.metadata.get(EXTENSION_METADATA) || '{}';
  try {
    return Object(JSON.parse(text));
  } catch (cause) {
    throw new QuantpipeError('data-invalid', `${where}: its extension metadata is not JSON: ${text.slice(0, 80)}`, {}, { cause });
  }
}
