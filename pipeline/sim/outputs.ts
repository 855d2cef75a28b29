import { access, constants, realpath, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { QuantpipeError } from '../base/errors.ts';
import { type FileContent, makeFolder, unwritable, writeAllAtomically, writeAtomically } from '../base/atomic-file.ts';

/** A file that was written. */
export interface Output {
  readonly path: string;
  readonly bytes: number;
}

/** Files of an export; those with the weights of large models are there only where they are needed. */
export const exportNames = ['encodings.json', 'model.onnx', 'model.onnx.data', 'model.qdq.onnx', 'model.qdq.onnx.data', 'encodings.arrow', 'statistics.arrow'] as const;

/** Where an export into a folder writes, or removes what an earlier one wrote. */
export function exportPaths(folder: string): string[] {
  return exportNames.map(name => join(folder, name));
}

/**
 * Make the folder, or say why nothing can be written there: before the work, so that no hour of calibration is lost to a typing error.
 *
 * @returns takes it away again if it was made here and is empty: for work that failed
 */
export async function prepareFolder(folder: string): Promise<() => Promise<void>> {
  try {
    const made = await makeFolder(folder);
    await access(folder, constants.W_OK);
    return async () => {
      for (const path of made.reverse()) await rmdir(path).catch(() => {}); // not empty
    };
  } catch (cause) {
    throw unwritable(folder, cause, `to the folder '${folder}'`);
  }
}

/** A folder where a file is wanted. */
export function folderForFile(path: string): QuantpipeError {
  return new QuantpipeError('output-unwritable', `cannot write '${path}': it is a folder, and the name of a file is wanted`, { file: path });
}

/**
 * Make ready for one file, or say why it cannot be written: before the work. Nothing is to be done where the path is '-', a device or a pipe.
 *
 * @returns takes folders away again that were made here and are empty: for work that failed
 */
export async function prepareFile(path: string): Promise<() => Promise<void>> {
  if (path === '-') return async () => {};
  const there = await stat(path).catch(() => null);
  if (/[\\/]$/.test(path)) throw folderForFile(path);
  if (there !== null && !there.isFile()) return async () => {};
  return prepareFolder(dirname(there === null ? path : await realpath(path)));
}

/**
 * Write files that belong together into a folder: none takes its place before all are written. Where the content is null there is
 * no such file: one of an earlier run is removed, because it would not belong to these.
 */
export async function writeOutputs(folder: string, files: Readonly<Record<(typeof exportNames)[number], FileContent | null>>): Promise<Output[]> {
  await prepareFolder(folder);
  const contents = Object.entries(files).flatMap(([name, content]) => content === null ? [] : [[join(folder, name), content] as const]);
  await writeAllAtomically(contents);
  for (const name of exportNames) if (files[name] === null) await rm(join(folder, name), { force: true });
  return Promise.all(contents.map(async ([path]) => ({ path, bytes: (await stat(path)).size })));
}

/** Write one file, or to `stdout` where the path is '-'. */
export async function writeOutput(path: string, content: Uint8Array, stdout: NodeJS.WritableStream): Promise<Output[]> {
  if (path === '-') {
    await new Promise<void>((resolve, reject) => stdout.write(content, error => (error ? reject(error) : resolve())));
    return [];
  }
  await writeAtomically(path, content);
  return [{ path, bytes: content.length }];
}
