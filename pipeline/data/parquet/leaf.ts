import type { DType } from '../../base/tensor.ts';
import type { SchemaElement, SchemaTree } from './hyparquet.ts';

/** A stored column of a Parquet file: one primitive value after another, and levels that say which lists they are in. */
export interface Leaf {
  /** Dotted path in the schema, which also names its chunk in every row group. */
  readonly path: string;
  /** 'binary' for byte strings that are no text. */
  readonly dtype: DType | 'binary';
  readonly element: SchemaElement;
  /** Definition level of a value that is there. */
  readonly maxDefinition: number;
  /** For each list around the value, from the outside: the definition level from which on the list has an item. */
  readonly listLevels: readonly number[];
  /** A sample can do without it. */
  readonly isOptional?: true;
}

/** The leaf at the end of a path of the schema, root not included; null where its values are none that quantpipe reads. */
export function leafOf(path: readonly SchemaTree[]): Leaf | null {
  const { element } = path.at(-1)!;
  const dtype = leafType(element);
  if (dtype === null) return null;
  let definition = 0;
  const listLevels: number[] = [];
  for (const { element: { repetition_type: repetition } } of path) {
    if (repetition !== 'REQUIRED') definition++;
    if (repetition === 'REPEATED') listLevels.push(definition);
  }
  return { path: path.at(-1)!.path.join('.'), dtype, element, maxDefinition: definition, listLevels };
}

/** Every leaf below a node, with the path that leads there. */
export function pathsBelow(node: SchemaTree, path: readonly SchemaTree[] = []): SchemaTree[][] {
  const here = [...path, node];
  return node.children.length === 0 ? [here] : node.children.flatMap(child => pathsBelow(child, here));
}

function leafType({ type, type_length: length, converted_type: converted, logical_type: logical }: SchemaElement): DType | 'binary' | null {
  switch (type) {
    case 'BOOLEAN': return 'bool';
    case 'FLOAT': return 'float32';
    case 'DOUBLE': return 'float64';
    case 'INT32': case 'INT64': return integerType(type, converted, logical);
    case 'BYTE_ARRAY':
      if (converted === 'UTF8' || logical?.type === 'STRING') return 'string';
      return converted === undefined && logical === undefined ? 'binary' : null;
    case 'FIXED_LEN_BYTE_ARRAY': return logical?.type === 'FLOAT16' && length === 2 ? 'float16' : null;
    default: return null;
  }
}

/** Dates, times and decimals are no plain numbers. */
function integerType(type: 'INT32' | 'INT64', converted: SchemaElement['converted_type'], logical: SchemaElement['logical_type']): DType | null {
  const [, unsigned, bits] = /^(U?)INT_(\d+)$/.exec(converted ?? '') ?? [];
  if (bits !== undefined) return `${unsigned ? 'uint' : 'int'}${bits as '8' | '16' | '32' | '64'}`;
  if (logical?.type === 'INTEGER') return `${logical.isSigned ? 'int' : 'uint'}${logical.bitWidth as 8 | 16 | 32 | 64}`;
  if (converted !== undefined || logical !== undefined) return null;
  return type === 'INT32' ? 'int32' : 'int64';
}
