import type { Engine, Session } from '../engine/index.ts';
import type { ObservingSetup } from './protocol.ts';
import type { TapGroup } from './tap-groups.ts';
import { gettingReady, type TurnClock } from './turn-clock.ts';

/** Sessions of the tapped model that hand out a group of taps each, loaded when they are needed; those used longest ago are closed first. */
export class TapSessions {
  readonly #engine: Engine;
  readonly #model: Uint8Array;
  readonly #taps: readonly string[];
  readonly #folder: string | null;
  /** Sessions to hold at once. */
  most = 1;
  /** Of the task that they are loaded for. */
  clock: TurnClock | undefined = undefined;
  #keepMemory = true;
  /** By group, the last used at the end. */
  readonly #loaded = new Map<string, Session>();

  constructor(engine: Engine, { model, folder, taps }: Pick<ObservingSetup, 'model' | 'folder' | 'taps'>) {
    this.#engine = engine;
    this.#model = model;
    this.#taps = taps;
    this.#folder = folder;
  }

  async ofGroup({ from, to }: TapGroup): Promise<Session> {
    const key = `${from}-${to}`;
    const session = this.#loaded.get(key) ?? await gettingReady(this.clock, () => this.#load(from, to));
    this.#loaded.delete(key);
    this.#loaded.set(key, session);
    return session;
  }

  /** Whether sessions keep the memory of their runs. */
  get keepMemory(): boolean {
    return this.#keepMemory;
  }

  /** From now on sessions keep no memory between their runs. */
  async keepNothing(): Promise<void> {
    if (!this.#keepMemory) return;
    this.#keepMemory = false;
    for (const session of this.#loaded.values()) await session.close(); // they are loaded anew when they are needed
    this.#loaded.clear();
  }

  async #load(from: number, to: number): Promise<Session> {
    for (const [key, session] of [...this.#loaded].slice(0, Math.max(0, this.#loaded.size - this.most + 1))) {
      this.#loaded.delete(key);
      await session.close();
    }
    return this.#engine.load(await this.#modelOf(from, to), { keepMemory: this.#keepMemory && to > from, ...(this.#folder !== null && { folder: this.#folder }) });
  }

  async #modelOf(from: number, to: number): Promise<Uint8Array> {
    if (from === 0 && to === this.#taps.length) return this.#model;
    const [{ readModel }, { writeModel }, { countOutputs }] = await Promise.all([import('../onnx/read-model.ts'), import('../onnx/write-model.ts'), import('../passes/count-outputs.ts')]); // most threads never need them
    const model = readModel(this.#model);
    countOutputs(new Set(this.#taps.slice(from, to)))(model);
    return writeModel(model);
  }
}
