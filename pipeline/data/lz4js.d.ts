/** The functions of lz4js used here; the package ships no declarations. */
declare module 'lz4js' {
  const lz4: {
    compress(bytes: Uint8Array): Uint8Array;
    decompress(frame: Uint8Array, maxBytes?: number): Uint8Array;
    /** Most bytes that a frame can hold, by its own headers. */
    decompressBound(frame: Uint8Array): number;
  };
  export default lz4;
}
