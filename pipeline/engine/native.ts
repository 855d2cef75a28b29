// onnxruntime-node: an optional peer dependency, so it is imported only when it is asked for.

import { QuantpipeError } from '../base/errors.ts';
import type { Engine } from './engine.ts';
import { loadSession, type Library } from './session.ts';

/**
 * Since 1.30, ONNX Runtime's native builds report their use to Microsoft and leave files (mat-debug-PID.log, .ses) behind, unless this variable says no before they are
 * loaded. What is set already stays. In a worker thread the environment is a copy, so a process sets it where its main thread opens the engine.
 */
function withoutTelemetry(): void {
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
}

/** ONNX Runtime's native CPU build, one thread, without its telemetry. Throws `config-invalid` saying what to install where the package is absent or does not load. */
export async function nativeEngine(importLibrary: () => Promise<Library> = () => import('onnxruntime-node')): Promise<Engine> {
  withoutTelemetry();
  const library = await importLibrary().catch(cannotImport);
  return { name: 'native', version: library.env.versions.node ?? '', load: (model, options = {}) => loadSession(library, 'native', model, options) };
}

function cannotImport(cause: unknown): never {
  const { code, message } = cause as NodeJS.ErrnoException;
  const fact = code === 'ERR_MODULE_NOT_FOUND' ? 'is not installed' : `does not load here (${message})`;
  throw new QuantpipeError('config-invalid', `engine 'native' needs the package onnxruntime-node, which ${fact}; npm install onnxruntime-node, or use engine 'web'`, { engine: 'native' }, { cause });
}
