import type { Tensor as OrtTensor, TensorConstructor } from 'onnxruntime-common';

import { QuantpipeError } from '../base/errors.ts';
import type { DType, Tensor, TensorData } from '../base/tensor.ts';

/** Element types that ONNX Runtime's JavaScript interface carries; their names there are ours. */
const carried: ReadonlySet<DType> = new Set([
  'float32', 'float64', 'float16', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'bool', 'string',
]);

/** A tensor for the engine, sharing its data. `name` is the model input it is for. */
export function toOrt(constructor: TensorConstructor, name: string, { dtype, dims, data }: Tensor): OrtTensor {
  if (!carried.has(dtype)) {
    throw new QuantpipeError('engine-failed', `model input '${name}' is ${dtype}, which the engine cannot be fed`, { input: name });
  }
  const tensor = new constructor(dtype as OrtTensor.Type, data as OrtTensor.DataType, dims);
  return dtype === 'float16' ? Object.defineProperty(tensor, 'data', { value: data }) : tensor; // where there is a Float16Array it is one now, of which Node's interface for native code knows nothing
}

/** What the engine computed, sharing its data. */
export function fromOrt({ type, dims, data }: OrtTensor): Tensor {
  return { dtype: type, dims, data: type === 'float16' ? halfBits(data) : (data as TensorData) };
}

/** Where JavaScript has a Float16Array the engine hands that out; we hold half floats as their bits everywhere. */
function halfBits(data: OrtTensor.DataType): Uint16Array {
  if (data instanceof Uint16Array) return data;
  const { buffer, byteOffset, length } = data as unknown as Uint16Array;
  return new Uint16Array(buffer, byteOffset, length);
}
