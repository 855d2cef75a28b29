// Where the host's memory begins: below lie the module's own constants, from here on everything is the host's.

/** First byte that the module does not use itself; a multiple of 16. */
export function heapBase(): usize {
  return (__heap_base + 15) & ~15;
}
