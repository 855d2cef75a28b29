/** The part of the WebAssembly namespace used here; @types/node has none and lib.dom has too much. */
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  class Module {
    constructor(bytes: Uint8Array);
    static imports(module: Module): { module: string; name: string; kind: string }[];
    static exports(module: Module): { name: string; kind: string }[];
  }
  function instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: object } }>;
}
