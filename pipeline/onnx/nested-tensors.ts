import type { Message } from '@bufbuild/protobuf';

import type { ExternalFolder } from './external-data.ts';
import type { ModelProto, TensorProto } from './messages.ts';
import { StoredTensor } from './stored-tensor.ts';

/**
 * Check the tensors that this program carries without looking at them: those in subgraphs, lists, sparse attributes, functions, training graphs. Content that
 * lies in other files is brought in, so that what is carried does not depend on a folder.
 */
export function inlineNested({ graph, functions, trainingInfo }: ModelProto, folder: ExternalFolder | null): void {
  for (const { name, opType, attribute } of graph!.node) {
    for (const { g, graphs, tensors, sparseTensor, sparseTensors } of attribute) {
      const parts = [g, ...graphs, ...tensors, sparseTensor, ...sparseTensors];
      for (const part of parts) if (part !== undefined) inlineIn(part, `inside node '${name}' (${opType})`, folder);
    }
  }
  for (const part of functions) inlineIn(part, `of function '${part.name}'`, folder);
  for (const part of trainingInfo) inlineIn(part, 'of the training graphs', folder);
}

function inlineIn(part: Message, where: string, folder: ExternalFolder | null): void {
  for (const tensor of tensorsIn(part)) {
    new StoredTensor(tensor, `tensor '${tensor.name}' ${where}`, folder).bringIn();
  }
}

/** Every TensorProto in a message, at any depth. */
function* tensorsIn(message: Message): Generator<TensorProto> {
  if (message.$typeName === 'onnx.TensorProto') yield message as TensorProto;
  for (const field of Object.values(message)) {
    for (const item of Array.isArray(field) ? field as unknown[] : [field as unknown]) if (isMessage(item)) yield* tensorsIn(item);
  }
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && '$typeName' in value;
}
