/** The two functions of lz4js used here; the package ships no declarations. */
declare module 'lz4js' {
  const lz4: {
    compress(bytes: Uint8Array): Uint8Array;
    decompress(frame: Uint8Array): Uint8Array;
  };
  export default lz4;
}
