import { QuantpipeError } from '../base/errors.ts';
import { Arena } from './arena.ts';

/** Pointers are byte addresses in the module's memory; counts are in elements. Mirrors assembly/index.ts. */
export interface KernelExports {
  heapBase(): number;
  minMax(values: number, count: number, range: number): void;
  minMaxChannels(values: number, outer: number, channels: number, inner: number, mins: number, maxs: number): void;
  histogramBytes(): number;
  histogram(values: number, count: number, scratch: number): void;
  compact(scratch: number, bins: number, counts: number): number;
  merge(
    aBins: number, aCounts: number, bBins: number, bCounts: number, bins: number, counts: number, aCount: number, bCount: number,
  ): number;
  fakeQuant(values: number, out: number, count: number, delta: number, low: number, high: number): void;
  fakeQuantWide(values: number, out: number, count: number, delta: number, low: number, high: number): void;
  fakeQuantChannels(
    values: number, deltas: number, lows: number, highs: number, out: number, outer: number, channels: number, inner: number,
  ): void;
  quantizeChannels(
    values: number, deltas: number, lows: number, highs: number, zeroPoints: number, codes: number,
    outer: number, channels: number, inner: number, codeBytes: number,
  ): void;
  readHistogramBytes(used: number): number;
  readHistogram(bins: number, counts: number, used: number, min: number, max: number, scratch: number): number;
  readPointsBytes(count: number): number;
  readPoints(values: number, count: number, scratch: number): number;
  roundingError(observed: number, delta: number, offset: number, steps: number, gamma: number, bound: number): number;
  fitEncoding(min: number, max: number, bitwidth: number, symmetry: number, encoding: number): void;
  encodeMinMax(observed: number, bitwidth: number, symmetry: number, encoding: number): void;
  encodePercentile(observed: number, bitwidth: number, symmetry: number, percentile: number, encoding: number): void;
  entropyBytes(): number;
  encodeEntropy(observed: number, bitwidth: number, symmetry: number, scratch: number, encoding: number): void;
  encodeTfEnhanced(observed: number, bitwidth: number, symmetry: number, gamma: number, encoding: number): void;
}

/** One instance of kernels.wasm: its functions, and the memory they work in. What a file of kernel calls needs. */
export interface KernelModule {
  readonly run: KernelExports;
  readonly arena: Arena;
  /** Scratch of the histogram kernel, all zero between observations. */
  readonly scratch: number;
}

/** Instantiate the bytes of kernels.wasm, or the file or web address that holds them. */
export async function instantiate(wasm: URL | Uint8Array): Promise<KernelModule> {
  const memory = firstPage();
  const bytes = wasm instanceof Uint8Array ? wasm : await fetchBytes(wasm);
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
  const run = instance.exports as KernelExports;
  const arena = new Arena(memory, run.heapBase());
  return { run, arena, scratch: arena.alloc(run.histogramBytes()) };
}

/** V8 reserves about 10 GiB of addresses for a memory, whatever its size. */
function firstPage(): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: 1 });
  } catch (cause) {
    throw new QuantpipeError('engine-failed', `no room for the memory of the kernels, which takes about 10 GiB of addresses in each thread, used or not (${(cause as Error).message}): allow more address space (ulimit -v), or use fewer workers`, {}, { cause });
  }
}

async function fetchBytes(url: URL): Promise<Uint8Array> {
  try {
    if (url.protocol === 'file:') return await (await import('node:fs/promises')).readFile(url);
    const response = await fetch(url);
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw new QuantpipeError('file-unreadable', `cannot read the kernels from ${url.href}: ${(cause as Error).message}`, {}, { cause });
  }
}
