import { QuantpipeError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { decodeMessage } from './schema.ts';
import { StoredTensor } from './stored-tensor.ts';

/**
 * Read a tensor that has a file of its own, as the inputs in the test data of ONNX models do.
 * @throws data-invalid for anything else
 */
export function readTensor(bytes: Uint8Array, where: string): { readonly name: string; readonly tensor: Tensor } {
  try {
    const proto = decodeMessage('TensorProto', bytes);
    return { name: proto.name, tensor: new StoredTensor(proto, where, null).read() };
  } catch (cause) {
    throw new QuantpipeError('data-invalid', `${where} is no tensor that can be read: ${(cause as Error).message}`, { file: where }, { cause });
  }
}
