// onnxruntime-web, the engine that is always there. Its 'node' entry is the smallest: no proxy worker, no GPU backends; the
// WASM file is read from the package beside it, so nothing is fetched.

import * as library from 'onnxruntime-web';

import type { Engine } from './engine.ts';
import { loadSession } from './session.ts';

/** ONNX Runtime compiled to WASM, one thread in the thread that calls it. */
export function webEngine(): Engine {
  library.env.wasm.numThreads = 1; // parallelism is ours: a session per worker
  library.env.wasm.proxy = false;
  return { name: 'web', load: (model, options = {}) => loadSession(library, 'web', model, options) };
}
