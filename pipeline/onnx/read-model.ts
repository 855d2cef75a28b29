import { realpathSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

import { QuantpipeError } from '../base/errors.ts';
import { unreadable } from '../base/text-file.ts';
import type { Graph, Model } from '../graph/graph.ts';
import type { ExternalFolder } from './external-data.ts';
import { inlineFunctions } from './inline-functions.ts';
import type { ModelProto } from './messages.ts';
import { inlineNested } from './nested-tensors.ts';
import { foreignKind, truncation } from './not-a-model.ts';
import { readOpsets } from './opsets.ts';
import { readGraph } from './read-graph.ts';
import { decodeMessage } from './schema.ts';

export interface ReadOptions {
  /** How messages call the model; by default 'the model'. */
  readonly where?: string;
  /** The folder that external data is in. Without it, a model with external data is read, but not that data. */
  readonly folder?: string;
  /** Put the nodes of the model's functions in the place of their calls. Default false: what is read is what is written. */
  readonly inlineFunctions?: boolean;
}

/** Read a model from the bytes of an ONNX file. Weights stay views of `bytes`, which must not change any more. */
export function readModel(bytes: Uint8Array, { where = 'the model', folder, inlineFunctions = false }: ReadOptions = {}): Model {
  return modelOf(bytes, where, folder === undefined ? null : { path: folder, inside: [realFolder(folder)], digests: new Map(), files: new Set() }, inlineFunctions);
}

function realFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new QuantpipeError('file-unreadable', `the model's folder ${path} is not there`, {}, { cause });
  }
}

/** Read a model from a file, with external data in the folder of the file. */
export async function readModelFile(path: string, { inlineFunctions = false }: Pick<ReadOptions, 'inlineFunctions'> = {}): Promise<Model> {
  let bytes: Uint8Array;
  let inside: string[];
  try {
    bytes = await readFile(path);
    // A file and its data may both be links into one store of blobs, as in the Hugging Face cache.
    inside = [await realpath(dirname(path)), dirname(await realpath(path))];
  } catch (cause) {
    throw unreadable(path, cause);
  }
  const folder = { path: dirname(path), inside, digests: new Map(), files: new Set<string>() };
  const model = modelOf(bytes, basename(path), folder, inlineFunctions);
  return { ...model, files: [path, ...folder.files] };
}

function modelOf(bytes: Uint8Array, where: string, folder: ExternalFolder | null, isInlined: boolean): Model {
  const parsed = parseModel(bytes, where);
  try {
    inlineNested(parsed, folder);
    const proto = isInlined ? inlineFunctions(parsed) : parsed;
    const graph = readGraph(proto.graph!, folder);
    return { graph, opsets: usableOpsets(proto, graph), origin: proto };
  } catch (error) {
    if (!(error instanceof QuantpipeError)) throw error;
    throw new QuantpipeError(error.code, error.message, { model: where, ...error.context }, { cause: error });
  }
}

function parseModel(bytes: Uint8Array, where: string): ModelProto {
  const refuse = (reason: string, cause?: unknown) => new QuantpipeError('model-malformed', `${where} ${reason}`, { model: where }, { cause });
  const foreign = foreignKind(bytes);
  if (foreign !== null) throw refuse(`is not an ONNX model but ${foreign}`);
  let proto: ModelProto;
  try {
    proto = decodeMessage('ModelProto', bytes);
  } catch (cause) {
    const where = truncation(bytes);
    throw refuse(where === null ? `is not an ONNX model: ${(cause as Error).message}` : `is truncated: ${where}`, cause);
  }
  if (proto.graph === undefined) throw refuse('is not an ONNX model: it has no graph');
  if (proto.irVersion < 1n) throw refuse(`is not an ONNX model: its format version is ${proto.irVersion}`);
  return proto;
}

function usableOpsets(proto: ModelProto, { nodes }: Graph): Map<string, number> {
  const opsets = readOpsets(proto);
  for (const [domain, version] of opsets) {
    if (!Number.isSafeInteger(version) || version < 1) throw malformed(`operator set '${domain || 'ai.onnx'}' is imported in version ${version}`);
  }
  const homeless = nodes.find(({ domain }) => domain === '' && !opsets.has(''));
  if (homeless !== undefined) throw malformed(`the model imports no version of the standard operators, which ${homeless.label} (${homeless.opType}) needs`);
  const stray = nodes.find(({ domain }) => !opsets.has(domain));
  if (stray !== undefined) throw malformed(`the model imports no version of the operators of '${stray.domain}', which ${stray.label} (${stray.opType}) needs: add '${stray.domain}' to its opset_import`);
  return opsets;
}

function malformed(message: string): QuantpipeError {
  return new QuantpipeError('model-malformed', message);
}
