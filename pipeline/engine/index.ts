import type { Engine, EngineName } from './engine.ts';
import { nativeEngine } from './native.ts';

export type { Engine, EngineName, Feeds, Session, SessionInput, SessionOptions } from './engine.ts';

/** The engine called `name`; 'auto' is native where its optional package is installed and loads, else web. */
export async function openEngine(name: 'auto' | EngineName, openNative: () => Promise<Engine> = nativeEngine): Promise<Engine> {
  if (name === 'web') return webEngine();
  return name === 'native' ? openNative() : openNative().catch(insteadOfNative);
}

/** That an optional package is not there is no news; that it is broken is. */
async function insteadOfNative(error: unknown): Promise<Engine> {
  const engine = await webEngine();
  const { message, cause } = error as Error;
  return (cause as NodeJS.ErrnoException | undefined)?.code === 'ERR_MODULE_NOT_FOUND' ? engine : { ...engine, notice: `engine 'web' is used: ${message}` };
}

/** Imported late: whoever has the native engine does not compile 14 MB of WASM. */
async function webEngine(): Promise<Engine> {
  return (await import('./web.ts')).webEngine();
}
