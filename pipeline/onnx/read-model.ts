import { readFile, realpath } from 'node:fs/promises';
import { realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';

import { QuantpipeError } from '../base/errors.ts';
import type { Model } from '../graph/graph.ts';
import type { ExternalFolder } from './external-data.ts';
import type { ModelProto } from './messages.ts';
import { readGraph } from './read-graph.ts';
import { decodeMessage } from './schema.ts';

export interface ReadOptions {
  /** How messages call the model; by default 'the model'. */
  readonly where?: string;
  /** The folder that external data is in. Without it, a model with external data is read, but not that data. */
  readonly folder?: string;
}

/** Read a model from the bytes of an ONNX file. Weights stay views of `bytes`, which must not change any more. */
export function readModel(bytes: Uint8Array, { where = 'the model', folder }: ReadOptions = {}): Model {
  return modelOf(bytes, where, folder === undefined ? null : { path: folder, inside: [realpathSync(folder)] });
}

/** Read a model from a file, with external data in the folder of the file. */
export async function readModelFile(path: string): Promise<Model> {
  let bytes: Uint8Array;
  let inside: string[];
  try {
    bytes = await readFile(path);
    // A file and its data may both be links into one store of blobs, as in the Hugging Face cache.
    inside = [await realpath(dirname(path)), dirname(await realpath(path))];
  } catch (cause) {
    throw new QuantpipeError('file-unreadable', `cannot read ${path}: ${(cause as Error).message}`, { file: path }, { cause });
  }
  return modelOf(bytes, basename(path), { path: dirname(path), inside });
}

function modelOf(bytes: Uint8Array, where: string, folder: ExternalFolder | null): Model {
  const proto = parseModel(bytes, where);
  if (proto.graph === undefined) throw new QuantpipeError('model-malformed', `${where} is not an ONNX model: it has no graph`);
  return { graph: readGraph(proto.graph, folder), opsets: readOpsets(proto), origin: proto };
}

function parseModel(bytes: Uint8Array, where: string): ModelProto {
  try {
    return decodeMessage('ModelProto', bytes);
  } catch (cause) {
    throw new QuantpipeError('model-malformed', `${where} is not an ONNX model: ${(cause as Error).message}`, {}, { cause });
  }
}

/** The version of each imported operator set; the standard one is called '' here, 'ai.onnx' in some files. */
export function readOpsets({ opsetImport }: ModelProto): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain, version } of opsetImport) {
    const name = standardName(domain);
    opsets.set(name, Math.max(opsets.get(name) ?? 0, Number(version)));
  }
  return opsets;
}

export function standardName(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}
