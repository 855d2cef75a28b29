// onnxruntime-web, the engine that is always there. Its 'node' entry is the smallest: no proxy worker, no GPU backends; the
// WASM file is read from the package beside it, so nothing is fetched.

import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import * as library from 'onnxruntime-web';

import type { Engine } from './engine.ts';
import { loadSession } from './session.ts';

/**
 * What a function may execute on each processor, roughly in bytes of WASM, before V8 compiles it once more, with its optimizing compiler; all threads
 * count together. V8's own number is 1.8 million, and the library's largest function, 0.9 MB that every thread goes through once while it starts, is beyond that at
 * once: compiling it takes seconds of a processor and 160 MiB, which the allocator keeps. The functions that compute pass this number in a moment, too.
 */
const TIERING_BUDGET = 15_000_000;

/** ONNX Runtime compiled to WASM, one thread in the thread that calls it. */
export function webEngine(): Engine {
  setFlagsFromString(`--wasm-tiering-budget=${TIERING_BUDGET * availableParallelism()}`); // V8 reads it when it compiles the library
  library.env.wasm.numThreads = 1; // parallelism is ours: a session per worker
  library.env.wasm.proxy = false;
  return { name: 'web', version: library.env.versions.web ?? '', load: (model, options = {}) => loadSession(library, 'web', model, options) };
}
