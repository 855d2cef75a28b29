import type { ValueType } from '../graph/node.ts';
import { dtypeOf, elementTypeCode, foreignTypeOf } from './data-types.ts';
import type { DimensionProto, TypeProto } from './messages.ts';
import { createMessage, isPresent } from './schema.ts';

/** What a TypeProto says, or null where it is no dense tensor of an element type that this program knows. */
export function readValueType(type: TypeProto | undefined): ValueType | null {
  if (type?.tensorType === undefined) return null;
  const { elemType, shape } = type.tensorType;
  const dtype = dtypeOf(elemType);
  return dtype === null ? null : { dtype, shape: shape === undefined ? null : shape.dim.map(readDimension) };
}

/** The name of the element type where it is one that this program cannot read. */
export function readForeignType(type: TypeProto | undefined): string | null {
  return type?.tensorType === undefined ? null : foreignTypeOf(type.tensorType.elemType);
}

/** Some exporters write -1 for a dimension that they do not know. */
function readDimension(dim: DimensionProto): number | string | null {
  if (isPresent(dim, 'dimValue')) return dim.dimValue < 0n ? null : Number(dim.dimValue);
  return dim.dimParam === '' ? null : dim.dimParam;
}

export function writeValueType({ dtype, shape }: ValueType): TypeProto {
  const tensorType = createMessage('TypeProto_Tensor', { elemType: elementTypeCode(dtype) });
  if (shape !== null) tensorType.shape = createMessage('TensorShapeProto', { dim: shape.map(writeDimension) });
  return createMessage('TypeProto', { tensorType });
}

function writeDimension(dim: number | string | null): DimensionProto {
  if (dim === null) return createMessage('TensorShapeProto_Dimension');
  return createMessage('TensorShapeProto_Dimension', typeof dim === 'number' ? { dimValue: BigInt(dim) } : { dimParam: dim });
}
