import { readFile } from 'node:fs/promises';

import { check } from '../base/check.ts';

/** Pointers are byte addresses in the module's memory; counts are in elements. Mirrors assembly/index.ts. */
export interface KernelExports {
  minMax(values: number, count: number, range: number): void;
}

const PAGE_BYTES = 65_536;
const FIRST_FREE = 1_024; // below lie the module's static data

/** One instance of the kernel module with a scratch arena that is emptied between calls, never freed piecewise. */
export class Kernels {
  readonly #memory: WebAssembly.Memory;
  readonly #run: KernelExports;
  #top = FIRST_FREE;

  private constructor(memory: WebAssembly.Memory, run: KernelExports) {
    this.#memory = memory;
    this.#run = run;
  }

  static async load(wasm = new URL('../../../build/kernels.wasm', import.meta.url)): Promise<Kernels> {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const { instance } = await WebAssembly.instantiate(await readFile(wasm), { env: { memory } });
    return new Kernels(memory, instance.exports as KernelExports);
  }

  /** Widen `range` ([min, max]) to hold `values`; NaN is skipped. */
  minMax(values: Float32Array, range: Float32Array): void {
    check(range.length === 2, 'a range is [min, max]');
    this.#withArena(() => {
      const valuesAt = this.#copyIn(values);
      const rangeAt = this.#copyIn(range);
      this.#run.minMax(valuesAt, values.length, rangeAt);
      range.set(this.#view(rangeAt, 2));
    });
  }

  #withArena(body: () => void): void {
    body();
    this.#top = FIRST_FREE;
  }

  #copyIn(values: Float32Array): number {
    const at = this.#alloc(values.byteLength);
    this.#view(at, values.length).set(values);
    return at;
  }

  #alloc(bytes: number): number {
    const at = (this.#top + 15) & ~15;
    this.#top = at + bytes;
    const missing = this.#top - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    return at;
  }

  /** Growing the memory detaches every older view, so views are made where they are used and never kept. */
  #view(at: number, length: number): Float32Array {
    return new Float32Array(this.#memory.buffer, at, length);
  }
}
