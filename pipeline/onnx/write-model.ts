import { writeFile } from 'node:fs/promises';

import type { Model } from '../graph/graph.ts';
import type { ModelProto, OperatorSetIdProto } from './messages.ts';
import { readOpsets, standardName } from './read-model.ts';
import { changedMessage, createMessage, encodeMessage } from './schema.ts';
import { writeGraph } from './write-graph.ts';

/** The bytes of an ONNX file. External data, where the model was read with its folder, is brought in. */
export function writeModel(model: Model): Uint8Array {
  return encodeMessage('ModelProto', writeProto(model));
}

/** Write a model to a file. */
export async function writeModelFile(model: Model, path: string): Promise<void> {
  await writeFile(path, writeModel(model));
}

function writeProto(model: Model): ModelProto {
  const origin = model.origin === null ? createMessage('ModelProto', { irVersion: NEW_IR_VERSION }) : model.origin as ModelProto;
  return changedMessage(origin, { graph: writeGraph(model.graph), opsetImport: writeOpsets(model, origin) });
}

/** IR version of models that are not read from a file: the first with 16-bit and 4-bit quantization that all our engines take. */
const NEW_IR_VERSION = 10n;

/** The imports that were there, with new versions where they changed, then new ones. */
function writeOpsets({ opsets }: Model, origin: ModelProto): OperatorSetIdProto[] {
  const before = readOpsets(origin);
  const kept = origin.opsetImport.filter(({ domain }) => opsets.has(standardName(domain))).map(entry => {
    const version = opsets.get(standardName(entry.domain))!;
    return version === before.get(standardName(entry.domain)) ? entry : changedMessage(entry, { version: BigInt(version) });
  });
  const added = [...opsets].filter(([domain]) => !before.has(domain));
  return [...kept, ...added.map(([domain, version]) => createMessage('OperatorSetIdProto', { domain, version: BigInt(version) }))];
}
