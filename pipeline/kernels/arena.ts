/** The arrays that cross into the module's memory. */
export type Elements = Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | BigUint64Array;

const PAGE_BYTES = 65_536;

/** What v128 loads like best; no element is wider. */
const ALIGNMENT = 16;

/**
 * The module's memory as a stack: allocations of a scope are given back together when it ends, never piecewise.
 * What is allocated outside any scope stays.
 *
 * Growing the memory detaches every older view, so a view is made where it is used and never kept across an allocation.
 */
export class Arena {
  readonly #memory: WebAssembly.Memory;
  #top: number;

  constructor(memory: WebAssembly.Memory, base: number) {
    this.#memory = memory;
    this.#top = base;
  }

  /** Run `body`, then give back what it allocated, whether it returned or threw. Scopes nest. */
  scope<T>(body: () => T): T {
    const top = this.#top;
    try {
      return body();
    } finally {
      this.#top = top;
    }
  }

  /** An address with `bytes` free bytes behind it, aligned to 16. What lies there is undefined, but zero in memory never used. */
  alloc(bytes: number): number {
    const at = Math.ceil(this.#top / ALIGNMENT) * ALIGNMENT;
    const missing = at + bytes - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    this.#top = at + bytes;
    return at;
  }

  /** Allocate room for `values` and copy them there. */
  copyIn(values: Elements): number {
    const at = this.alloc(values.byteLength);
    this.bytes(at, values.byteLength).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return at;
  }

  /** Fill `into` with what lies at `at`. */
  copyOut<T extends Elements>(at: number, into: T): T {
    new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(this.bytes(at, into.byteLength));
    return into;
  }

  /** A view of memory: for one statement, see above. */
  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, at, length);
  }
}
