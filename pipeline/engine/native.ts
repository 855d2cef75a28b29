// onnxruntime-node: an optional peer dependency, so it is imported only when it is asked for.

import { QuantpipeError } from '../base/errors.ts';
import type { Engine } from './engine.ts';
import { loadSession, type Library } from './session.ts';

/** ONNX Runtime's native CPU build, one thread. Throws `config-invalid` saying what to install where the package is absent or does not load. */
export async function nativeEngine(importLibrary: () => Promise<Library> = () => import('onnxruntime-node')): Promise<Engine> {
  const library = await importLibrary().catch(cannotImport);
  return { name: 'native', version: library.env.versions.node ?? '', load: (model, options = {}) => loadSession(library, 'native', model, options) };
}

function cannotImport(cause: unknown): never {
  const { code, message } = cause as NodeJS.ErrnoException;
  const fact = code === 'ERR_MODULE_NOT_FOUND' ? 'is not installed' : `does not load here (${message})`;
  throw new QuantpipeError('config-invalid', `engine 'native' needs the package onnxruntime-node, which ${fact}; npm install onnxruntime-node, or use engine 'web'`, { engine: 'native' }, { cause });
}
