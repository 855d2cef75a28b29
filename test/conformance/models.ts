import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { Tensor } from '../../pipeline/base/tensor.ts';
import type { ModelProto, TensorProto } from '../../pipeline/onnx/messages.ts';
import { decodeMessage } from '../../pipeline/onnx/schema.ts';
import { StoredTensor } from '../../pipeline/onnx/stored-tensor.ts';

/** Where Debian's package libonnx-testdata puts the test models of the ONNX project. */
export const DATA_FOLDER = '/usr/share/libonnx-testdata/data';

/** A model, and one set of inputs with the outputs that ONNX says it has for them. */
export interface TestModel {
  /** Folder and name, as in node/test_add. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly inputs: readonly Stored[];
  readonly outputs: readonly Stored[];
}

/** The content of a .pb file: a tensor, or bytes of a type that this program and the engine's JavaScript interface have none for. */
export type Stored = Tensor | 'not a tensor';

/** The test models whose name holds `part`, in order of their names. */
export async function* testModels(folder: string, part: string): AsyncGenerator<TestModel> {
  for (const path of await modelFiles(folder)) {
    const name = dirname(path);
    if (!name.includes(part)) continue;
    const data = join(folder, name, 'test_data_set_0');
    const bytes = await readFile(join(folder, path));
    yield { name, bytes, ...await storedSets(data, decodeMessage('ModelProto', bytes)) };
  }
}

/** Paths of all models below `folder`; none where it is not there. */
export async function modelFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  return entries.filter(entry => entry.endsWith('/model.onnx')).sort();
}

async function storedSets(folder: string, { graph }: ModelProto): Promise<Pick<TestModel, 'inputs' | 'outputs'>> {
  const files = await readdir(folder).catch(() => []);
  const read = async (kind: 'input' | 'output', types: readonly (boolean)[]) => {
    const count = files.filter(file => file.startsWith(`${kind}_`)).length;
    return Promise.all(Array.from({ length: count }, async (_, i) => types[i] === false ? 'not a tensor' as const : storedTensor(await readFile(join(folder, `${kind}_${i}.pb`)))));
  };
  return {
    inputs: await read('input', graph!.input.map(({ type }) => type?.tensorType !== undefined)),
    outputs: await read('output', graph!.output.map(({ type }) => type?.tensorType !== undefined)),
  };
}

function storedTensor(bytes: Uint8Array): Stored {
  const proto: TensorProto = decodeMessage('TensorProto', bytes);
  const tensor = new StoredTensor(proto, `tensor '${proto.name}'`, null);
  return tensor.dtype === 'other' ? 'not a tensor' : tensor.read();
}
