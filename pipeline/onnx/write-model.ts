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
  const irVersion = irVersionOf(model, origin);
  const head = irVersion === origin.irVersion ? {} : { irVersion };
  return changedMessage(origin, { ...head, graph: writeGraph(model.graph), opsetImport: writeOpsets(model, origin) });
}

/** The first IR version of each opset version, by the format's table of releases; those above 23 are not written by us. */
const firstIrVersions: readonly (readonly [opset: number, irVersion: bigint])[] = [[8, 3n], [9, 4n], [10, 5n], [11, 6n], [12, 7n], [15, 8n], [19, 9n], [21, 10n], [23, 11n]];

/** The IR version the model had; one that belongs to its opset, where that was raised since. */
function irVersionOf({ opsets }: Model, origin: ModelProto): bigint {
  const opset = opsets.get('') ?? 0;
  if (opset === readOpsets(origin).get('')) return origin.irVersion;
  const needed = firstIrVersions.findLast(([first]) => first <= opset)?.[1] ?? 0n;
  return needed > origin.irVersion ? needed : origin.irVersion;
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
