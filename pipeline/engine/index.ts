import type { Engine, EngineName } from './engine.ts';
import { nativeEngine } from './native.ts';
import { webEngine } from './web.ts';

export type { Engine, EngineName, Feeds, Session, SessionInput, SessionOptions } from './engine.ts';

/** Open an engine by name; 'auto' is native where onnxruntime-node is installed and loads, else web. */
export async function openEngine(name: EngineName | 'auto'): Promise<Engine> {
  if (name === 'web') return webEngine();
  if (name === 'native') return nativeEngine();
  return nativeEngine().catch(webEngine);
}
