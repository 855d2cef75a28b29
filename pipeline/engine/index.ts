import type { Engine, EngineName } from './engine.ts';
import { nativeEngine } from './native.ts';

export type { Engine, EngineName, Feeds, Session, SessionInput, SessionOptions } from './engine.ts';

/** The engine called `name`; 'auto' is native where its optional package is installed and loads, else web. */
export async function openEngine(name: 'auto' | EngineName): Promise<Engine> {
  if (name === 'native') return nativeEngine();
  if (name === 'auto') return nativeEngine().catch(webEngine);
  return webEngine();
}

/** Imported late: whoever has the native engine does not compile 14 MB of WASM. */
async function webEngine(): Promise<Engine> {
  return (await import('./web.ts')).webEngine();
}
