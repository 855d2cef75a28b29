import { check } from '../base/check.ts';
import type { Tensor } from '../base/tensor.ts';
import type { Initializer } from '../graph/node.ts';
import { elementTypeCode } from './data-types.ts';
import { isExternal, setInline } from './external-data.ts';
import type { TensorProto } from './messages.ts';
import { changedMessage, createMessage } from './schema.ts';
import { StoredTensor } from './stored-tensor.ts';
import { toRaw } from './tensor-data.ts';

/** The message of an initializer: the one it was read from, or a new one. Content of another file is brought in. */
export function writeInitializer(name: string, initializer: Initializer): TensorProto {
  if (!(initializer instanceof StoredTensor)) return writeTensor(name, initializer.read());
  const { origin } = initializer;
  const renamed = origin.name === name ? origin : changedMessage(origin, { name });
  if (!isExternal(origin) || !initializer.isReadable) return renamed;
  const inlined = changedMessage(renamed, {});
  setInline(inlined, initializer.rawBytes()!);
  return inlined;
}

function writeTensor(name: string, { dtype, dims, data }: Tensor): TensorProto {
  const head = { name, dataType: elementTypeCode(dtype), dims: dims.map(BigInt) };
  if (Array.isArray(data)) return createMessage('TensorProto', { ...head, stringData: data.map(value => new TextEncoder().encode(value)) });
  check(dtype !== 'string', 'strings are held in an array');
  return createMessage('TensorProto', { ...head, rawData: toRaw(data, dtype) });
}
