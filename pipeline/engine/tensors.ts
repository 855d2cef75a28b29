import type { Tensor as OrtTensor, TypedTensor } from 'onnxruntime-common';

import { QuantpipeError } from '../base/errors.ts';
import type { DType, Tensor, TensorData } from '../base/tensor.ts';

/** The part of either onnxruntime package that makes tensors. */
export interface TensorMaker {
  readonly Tensor: new (type: OrtTensor.Type, data: OrtTensor.DataType, dims: readonly number[]) => OrtTensor;
}

/** Element types whose names both sides share and whose data are the same typed arrays. */
const SHARED: ReadonlySet<string> = new Set([
  'float32', 'float64', 'float16', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'bool', 'string', 'int4', 'uint4',
]);

/** Our tensor in the engine's form; its data are not copied. */
export function toOrt({ Tensor }: TensorMaker, name: string, { dtype, dims, data }: Tensor): OrtTensor {
  if (!SHARED.has(dtype)) throw new QuantpipeError('engine-failed', `the engine cannot be fed '${name}': it takes no ${dtype}`);
  return new Tensor(dtype as OrtTensor.Type, data as OrtTensor.DataType, dims);
}

/** The engine's tensor in our form; its data are not copied. */
export function fromOrt(name: string, tensor: OrtTensor): Tensor {
  const { type, dims, data } = tensor as TypedTensor<OrtTensor.Type>;
  return { dtype: dtypeOf(name, type), dims, data: data as unknown as TensorData };
}

/** The element type that the engine declares for `name`. */
export function dtypeOf(name: string, type: string): DType {
  if (!SHARED.has(type)) throw new QuantpipeError('engine-failed', `'${name}' has the element type ${type}, which quantpipe cannot hold`);
  return type as DType;
}
