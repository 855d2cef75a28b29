import { check } from '../base/check.ts';
import { instantiate, type KernelModule } from './module.ts';
import { mergeStatistics, observe } from './observe.ts';
import { type ChannelLayout, channelPieces, checkLayout, pieces } from './pieces.ts';
import { type AffineMap, type Codes, fakeQuantChannels, oneChannel, quantizeChannels } from './quantize.ts';
import { fitEncoding, type FoundEncoding, search, type Searched, type SearchGrid, statisticsOf, withObserved } from './search.ts';
import type { TensorStatistics } from './statistics.ts';

/** Built beside dist/, from where this runs. */
const DEFAULT_WASM = new URL('../../../build/kernels.wasm', import.meta.url);

/**
 * One instance of the kernel module: typed arrays in and out, one method per kernel. Its memory grows to what the largest call
 * needs; calls are cut into pieces of at most 1 Mi elements. An instance serves one thread.
 */
export class Kernels {
  readonly #module: KernelModule;

  private constructor(module: KernelModule) {
    this.#module = module;
  }

  /** Load the module: from the package itself, from a file or web address, or from the bytes of kernels.wasm. Node and browser. */
  static async load(wasm: URL | Uint8Array = DEFAULT_WASM): Promise<Kernels> {
    return new Kernels(await instantiate(wasm));
  }

  /** Widen `range` ([min, max]) to hold the finite ones of `values`. Start from [Infinity, -Infinity]. Zeros count as +0. */
  minMax(values: Float32Array, range: Float32Array): void {
    check(range.length === 2, 'a range is [min, max]');
    const { run, arena } = this.#module;
    arena.scope(() => {
      const rangeAt = arena.copyIn(range);
      for (const { start, end } of pieces(values.length)) {
        arena.scope(() => run.minMax(arena.copyIn(values.subarray(start, end)), end - start, rangeAt));
      }
      arena.copyOut(rangeAt, range);
    });
  }

  /** Widen the range of every channel, `mins[c]` to `maxs[c]`, to hold its finite values. */
  minMaxChannels(values: Float32Array, layout: ChannelLayout, mins: Float32Array, maxs: Float32Array): void {
    checkLayout(values, layout);
    check(mins.length === layout.channels && maxs.length === layout.channels, `a range for each of ${layout.channels} channels`);
    const { run, arena } = this.#module;
    arena.scope(() => {
      const minsAt = arena.copyIn(mins), maxsAt = arena.copyIn(maxs);
      for (const { start, end, first, outer, channels, inner } of channelPieces(layout)) {
        arena.scope(() => {
          run.minMaxChannels(arena.copyIn(values.subarray(start, end)), outer, channels, inner, minsAt + 4 * first, maxsAt + 4 * first);
        });
      }
      arena.copyOut(minsAt, mins);
      arena.copyOut(maxsAt, maxs);
    });
  }

  /** Count `values` into a log-linear histogram, with their finite extremes. */
  observe(values: Float32Array): TensorStatistics {
    return observe(this.#module, values);
  }

  /** Statistics of everything that `a` or `b` has seen; both are left as they are. */
  mergeStatistics(a: TensorStatistics, b: TensorStatistics): TensorStatistics {
    return mergeStatistics(this.#module, a, b);
  }

  /**
   * Quantize, then dequantize: what DequantizeLinear(QuantizeLinear(x)) gives in float32, to the bit, and on grids of more than 16 bits
   * the same in float64. A tie goes to the even code, an
   * infinity to the end of the range, NaN to the lowest code. `out` may be `values`.
   */
  fakeQuant(values: Float32Array, out: Float32Array, map: AffineMap): void {
    fakeQuantChannels(this.#module, values, out, oneChannel(values), [map]);
  }

  /** {@link fakeQuant} with a map for each channel of a tensor seen as [outer, channels, inner]. */
  fakeQuantChannels(values: Float32Array, out: Float32Array, layout: ChannelLayout, maps: readonly AffineMap[]): void {
    fakeQuantChannels(this.#module, values, out, layout, maps);
  }

  /**
   * Quantize to stored integers: what QuantizeLinear gives in float32, to the bit, with scale `delta` and zero point
   * `lowestCode - offset`. Ties, infinities and NaN as in {@link fakeQuant}.
   *
   * @param lowestCode the stored integer of code 0: 0 for uint8, -128 for int8, -127 for int8 on a strict-symmetric grid
   */
  quantize(values: Float32Array, codes: Codes, map: AffineMap, lowestCode: number): void {
    quantizeChannels(this.#module, values, codes, oneChannel(values), [map], lowestCode);
  }

  /** {@link quantize} with a map for each channel of a tensor seen as [outer, channels, inner]. */
  quantizeChannels(values: Float32Array, codes: Codes, layout: ChannelLayout, maps: readonly AffineMap[], lowestCode: number): void {
    quantizeChannels(this.#module, values, codes, layout, maps, lowestCode);
  }

  /** The finest encoding that covers the range [min, max], by AIMET's rules. */
  fitEncoding(min: number, max: number, grid: SearchGrid): FoundEncoding {
    return fitEncoding(this.#module, min, max, grid);
  }

  /** The encoding that clips no finite value. `null` when there is none; so for every search. */
  encodeMinMax(searched: Searched, grid: SearchGrid): FoundEncoding | null {
    return search(this.#module, searched, grid, this.#module.run.encodeMinMax);
  }

  /** The encoding of least squared error, where the error of what is clipped counts `gamma` times. */
  encodeTfEnhanced(searched: Searched, grid: SearchGrid, gamma: number): FoundEncoding | null {
    return search(this.#module, searched, grid, (observed, bitwidth, symmetry, encoding) =>
      this.#module.run.encodeTfEnhanced(observed, bitwidth, symmetry, gamma, encoding));
  }

  /** The encoding that clips (100 - percentile) % of the finite values at either end. */
  encodePercentile(searched: Searched, grid: SearchGrid, percentile: number): FoundEncoding | null {
    return search(this.#module, statisticsOf(this.#module, searched), grid, (observed, bitwidth, symmetry, encoding) =>
      this.#module.run.encodePercentile(observed, bitwidth, symmetry, percentile, encoding));
  }

  /** The encoding of the range whose codes diverge least from the values; on grids of more than 10 bits, min-max's. */
  encodeEntropy(searched: Searched, grid: SearchGrid): FoundEncoding | null {
    const { run, arena } = this.#module;
    return search(this.#module, statisticsOf(this.#module, searched), grid, (observed, bitwidth, symmetry, encoding) =>
      run.encodeEntropy(observed, bitwidth, symmetry, arena.alloc(run.entropyBytes()), encoding));
  }

  /** The sum of squared errors of an encoding, where the error of what is clipped counts `gamma` times. */
  roundingError(searched: Searched, { delta, offset, steps }: AffineMap, gamma: number): number | null {
    return withObserved(this.#module, searched, observed => this.#module.run.roundingError(observed, delta, offset, steps, gamma, Infinity));
  }
}
