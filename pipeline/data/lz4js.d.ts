/** The functions of lz4js used here; the package ships no declarations. */
declare module 'lz4js' {
  const lz4: {
    compress(bytes: Uint8Array): Uint8Array;
    decompress(frame: Uint8Array): Uint8Array;
    /** Bytes that the frame holds; what does not fit into `into` is dropped. */
    decompressFrame(frame: Uint8Array, into: Uint8Array): number;
    /** Most bytes that a frame can hold, by its own headers. */
    decompressBound(frame: Uint8Array): number;
    /** Unpack a block without a frame to `at` in `into`; gives the position after it. What does not fit is dropped. */
    decompressBlock(bytes: Uint8Array, into: Uint8Array, begin: number, length: number, at: number): number;
  };
  export default lz4;
}
