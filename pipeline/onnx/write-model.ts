import { basename, dirname, join } from 'node:path';

import { writeAllAtomically } from '../base/atomic-file.ts';
import { QuantpipeError } from '../base/errors.ts';
import type { Model } from '../graph/graph.ts';
import type { Value } from '../graph/node.ts';
import { EXTERNAL_BYTES, ExternalFile, externalThreshold } from './external-file.ts';
import type { ModelProto, OperatorSetIdProto, TensorProto } from './messages.ts';
import { readOpsets, standardName } from './opsets.ts';
import { changedMessage, createMessage, encodeMessage } from './schema.ts';
import { writeGraph } from './write-graph.ts';
import { writeInitializer } from './write-initializer.ts';

export interface WriteOptions {
  /**
   * Weights of at least this many bytes go to a file beside the model, `<name of the model>.data`. By default none do,
   * unless the model would pass the 2 GiB that one file can hold.
   */
  readonly externalBytes?: number;
  /** Record the SHA-1 of that file in the model, for readers that check it. Default false. */
  readonly checksum?: boolean;
}

/** The bytes of an ONNX file, weights included: those of other files, where the model was read with its folder, are brought in. */
export function writeModel(model: Model): Uint8Array {
  if (externalThreshold(model.graph) < Infinity) {
    throw new QuantpipeError('output-unwritable', 'the model is larger than the 2 GiB of one ONNX file, so its weights need a file beside it');
  }
  return encodeMessage('ModelProto', writeProto(model, ({ name, initializer }) => writeInitializer(name, initializer!)));
}

/** A model in two parts, of which the second may be larger than memory: messages that point to a file beside them, and that file, piece by piece. */
export interface ModelParts {
  /** The bytes of the ONNX file. */
  readonly model: Uint8Array;
  readonly weights: () => Iterable<Uint8Array>;
}

/** @param location name of the file with the weights of at least `externalBytes` */
export function modelParts(model: Model, location: string, externalBytes = EXTERNAL_BYTES): ModelParts {
  const external = new ExternalFile(location, externalBytes);
  const bytes = encodeMessage('ModelProto', writeProto(model, external.writeWeight));
  return { model: bytes, weights: () => external.content() };
}

/** Whether a model is too large for one ONNX file. */
export function needsParts({ graph }: Model): boolean {
  return externalThreshold(graph) < Infinity;
}

/** Write a model to a file, and large weights beside it where that is needed: both whole or not at all. */
export async function writeModelFile(model: Model, path: string, { externalBytes, checksum = false }: WriteOptions = {}): Promise<void> {
  const location = `${basename(path)}.data`;
  const external = new ExternalFile(location, externalBytes ?? externalThreshold(model.graph), { checksum });
  const proto = writeProto(model, external.writeWeight);
  const whole = (function* () { yield encodeMessage('ModelProto', proto); })(); // encoded last: it may hold the checksum
  await writeAllAtomically(external.isEmpty ? [[path, whole]] : [[join(dirname(path), location), external.content()], [path, whole]]);
}

function writeProto(model: Model, writeWeight: (value: Value) => TensorProto): ModelProto {
  const origin = model.origin === null ? createMessage('ModelProto', { irVersion: NEW_IR_VERSION }) : model.origin as ModelProto;
  const irVersion = irVersionOf(model, origin);
  const head = irVersion === origin.irVersion ? {} : { irVersion };
  return changedMessage(origin, { ...head, graph: writeGraph(model.graph, writeWeight), opsetImport: writeOpsets(model, origin) });
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
  const kept = origin.opsetImport.filter(({ domain }) => opsets.has(standardName(domain)));
  const added = [...opsets].filter(([domain, version]) => before.get(domain) !== version && !kept.some(entry => standardName(entry.domain) === domain));
  return [
    ...kept.map(entry => {
      const version = opsets.get(standardName(entry.domain))!;
      return version === before.get(standardName(entry.domain)) ? entry : changedMessage(entry, { version: BigInt(version) });
    }),
    ...added.map(([domain, version]) => createMessage('OperatorSetIdProto', { domain, version: BigInt(version) })),
  ];
}
