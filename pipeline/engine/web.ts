import type { Engine } from './engine.ts';
import { type Ort, openSession } from './session.ts';

/** onnxruntime-web: WebAssembly, always there. One thread: quantpipe's workers are its parallelism. */
export async function webEngine(): Promise<Engine> {
  const ort = await import('onnxruntime-web');
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  return { name: 'web', load: (model, options) => openSession(ort as unknown as Ort, 'web', model, options) };
}
