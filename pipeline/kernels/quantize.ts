import { check } from '../base/check.ts';
import type { KernelModule } from './module.ts';
import { type ChannelLayout, channelPieces, checkLayout } from './pieces.ts';

/**
 * The affine map of a kernel call: `real = delta * (code + offset)`, code = 0 ... steps. `delta` is rounded to float32, and the kernels
 * compute in it; only maps of more than {@link MOST_STORED_STEPS} steps are computed in float64.
 */
export interface AffineMap {
  /** Width of one step. Positive as a float32. */
  readonly delta: number;
  /** Integer: the multiple of `delta` at which code 0 lies. */
  readonly offset: number;
  /** Distance between the lowest and the highest code. */
  readonly steps: number;
}

/** Steps of a 16-bit grid: what the widest stored codes hold. */
const MOST_STORED_STEPS = 2 ** 16 - 1;

/** Stored codes, 1 or 2 bytes each. */
export type Codes = Uint8Array | Int8Array | Uint16Array | Int16Array;

/** A list of values as one channel. */
export function oneChannel({ length }: { readonly length: number }): ChannelLayout {
  return { outer: 1, channels: 1, inner: length };
}

/** Quantize, then dequantize, each channel with its own map. `out` may be `values`. */
export function fakeQuantChannels(
  { run, arena }: KernelModule, values: Float32Array, out: Float32Array, layout: ChannelLayout, maps: readonly AffineMap[],
): void {
  checkLayout(values, layout);
  checkLayout(out, layout);
  checkMaps(layout, maps);
  if (maps.some(({ steps }) => steps > MOST_STORED_STEPS)) return fakeQuantWide({ run, arena }, values, out, layout, maps);
  arena.scope(() => {
    const { deltas, lows, highs } = copyMaps(arena, maps);
    for (const { start, end, first, outer, channels, inner } of channelPieces(layout)) {
      arena.scope(() => {
        const at = arena.copyIn(values.subarray(start, end));
        run.fakeQuantChannels(at, deltas + 4 * first, lows + 4 * first, highs + 4 * first, at, outer, channels, inner);
        arena.copyOut(at, out.subarray(start, end));
      });
    }
  });
}

/** A stretch of a channel at a time. */
function fakeQuantWide(
  { run, arena }: Pick<KernelModule, 'run' | 'arena'>, values: Float32Array, out: Float32Array, layout: ChannelLayout, maps: readonly AffineMap[],
): void {
  for (const { start, end, first, channels, inner } of channelPieces(layout)) {
    arena.scope(() => {
      const at = arena.copyIn(values.subarray(start, end));
      for (let stretch = 0; stretch < (end - start) / inner; stretch++) {
        const { delta, offset, steps } = maps[first + stretch % channels]!;
        const stretchAt = at + 4 * stretch * inner;
        run.fakeQuantWide(stretchAt, stretchAt, inner, Math.fround(delta), offset, offset + steps);
      }
      arena.copyOut(at, out.subarray(start, end));
    });
  }
}

/** Quantize each channel with its own map to stored integers; code 0 is stored as `lowestCode`. */
export function quantizeChannels(
  { run, arena }: KernelModule, values: Float32Array, codes: Codes, layout: ChannelLayout, maps: readonly AffineMap[], lowestCode: number,
): void {
  checkLayout(values, layout);
  checkLayout(codes, layout);
  checkMaps(layout, maps);
  arena.scope(() => {
    const { deltas, lows, highs } = copyMaps(arena, maps);
    for (const { steps } of maps) checkFits(codes, lowestCode, lowestCode + steps);
    const zeroPoints = arena.copyIn(Int32Array.from(maps, ({ offset }) => lowestCode - offset));
    const codeBytes = codes.BYTES_PER_ELEMENT;
    for (const { start, end, first, outer, channels, inner } of channelPieces(layout)) {
      arena.scope(() => {
        const at = arena.copyIn(values.subarray(start, end));
        const codesAt = arena.alloc((end - start) * codeBytes);
        const map = 4 * first;
        run.quantizeChannels(at, deltas + map, lows + map, highs + map, zeroPoints + map, codesAt, outer, channels, inner, codeBytes);
        arena.copyOut(codesAt, codes.subarray(start, end));
      });
    }
  });
}

function checkMaps({ channels }: ChannelLayout, maps: readonly AffineMap[]): void {
  check(maps.length === channels, `${maps.length} maps for ${channels} channels`);
  for (const { delta, offset, steps } of maps) {
    check(Math.fround(delta) > 0 && Math.fround(delta) < Infinity, `delta ${delta} is not a positive float32`);
    check(Number.isInteger(offset) && Number.isInteger(steps) && steps > 0, `offset ${offset} and steps ${steps} are integers, steps > 0`);
  }
}

/** The maps as the kernels take them: one array per number, an entry for each channel. */
function copyMaps(arena: KernelModule['arena'], maps: readonly AffineMap[]) {
  return {
    deltas: arena.copyIn(Float32Array.from(maps, ({ delta }) => delta)),
    lows: arena.copyIn(Float32Array.from(maps, ({ offset }) => offset)),
    highs: arena.copyIn(Float32Array.from(maps, ({ offset, steps }) => offset + steps)),
  };
}

function checkFits(codes: Codes, lowest: number, highest: number): void {
  const bits = 8 * codes.BYTES_PER_ELEMENT;
  const min = codes instanceof Int8Array || codes instanceof Int16Array ? -(2 ** (bits - 1)) : 0;
  check(Number.isInteger(lowest) && lowest >= min && highest < min + 2 ** bits, `codes ${lowest} to ${highest} do not fit ${codes.constructor.name}`);
}
