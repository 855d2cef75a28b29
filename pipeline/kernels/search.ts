import { check } from '../base/check.ts';
import type { KernelModule } from './module.ts';
import { observe } from './observe.ts';
import type { TensorStatistics } from './statistics.ts';

/** What a search looks at: statistics, or a list of values. NaN and Inf are passed over. */
export type Searched = TensorStatistics | Float32Array;

/** The codes that an encoding may use: pipeline/quant/grid.ts says what the symmetries mean. */
export interface SearchGrid {
  /** 2 to 32. */
  readonly bitwidth: number;
  readonly symmetry: (typeof symmetries)[number];
}

/** An encoding as the kernels write it: min, max, delta, offset. */
export type FoundEncoding = readonly [min: number, max: number, delta: number, offset: number];

/** In the order of their numbers in assembly/fit-encoding.ts. */
const symmetries = ['asymmetric', 'symmetric', 'strict-symmetric', 'unsigned-symmetric'] as const;

/**
 * Longest list of values that is priced value by value, in some milliseconds. A longer one is searched by its histogram, which takes
 * the same time whatever the length; what that finds costs at most 1 % more at this many values (16 bits: 4 %), and ever less beyond.
 */
export const LONGEST_POINT_LIST = 65_536;

/** The encoding that a kernel writes, given what was observed and the grid; `null` when no finite value was observed. */
export function search(
  module: KernelModule, searched: Searched, grid: SearchGrid,
  encode: (observed: number, bitwidth: number, symmetry: number, encoding: number) => void,
): FoundEncoding | null {
  return withObserved(module, searched, observed => encoding(module, at => encode(observed, grid.bitwidth, symmetryNumber(grid), at)));
}

/** The encoding fitted to a range. */
export function fitEncoding(module: KernelModule, min: number, max: number, grid: SearchGrid): FoundEncoding {
  check(min <= max, `a range runs from its min to its max, got [${min}, ${max}]`);
  return module.arena.scope(() => encoding(module, at => module.run.fitEncoding(min, max, grid.bitwidth, symmetryNumber(grid), at)));
}

/** Run `body` on the address of what was observed, read for searching; `null` when no finite value was observed. */
export function withObserved<T>(module: KernelModule, searched: Searched, body: (observed: number) => T): T | null {
  return module.arena.scope(() => {
    const observed = readSearched(module, searched);
    return observed === null ? null : body(observed);
  });
}

/** What the searches that need a histogram look at. */
export function statisticsOf(module: KernelModule, searched: Searched): TensorStatistics {
  return searched instanceof Float32Array ? observe(module, searched) : searched;
}

function readSearched(module: KernelModule, searched: Searched): number | null {
  const isShort = searched instanceof Float32Array && searched.length <= LONGEST_POINT_LIST;
  return isShort ? readPoints(module, searched) : readHistogram(module, statisticsOf(module, searched));
}

function readPoints({ run, arena }: KernelModule, values: Float32Array): number | null {
  const scratch = arena.alloc(run.readPointsBytes(values.length));
  return run.readPoints(arena.copyIn(values), values.length, scratch) ? scratch : null;
}

function readHistogram({ run, arena }: KernelModule, { bins, counts, min, max }: TensorStatistics): number | null {
  check(bins.length === counts.length, `${bins.length} bins with ${counts.length} counts`);
  const scratch = arena.alloc(run.readHistogramBytes(bins.length));
  return run.readHistogram(arena.copyIn(bins), arena.copyIn(counts), bins.length, min, max, scratch) ? scratch : null;
}

function encoding({ arena }: KernelModule, encode: (at: number) => void): FoundEncoding {
  const numbers = new Float64Array(4);
  const at = arena.alloc(numbers.byteLength);
  encode(at);
  const [min, max, delta, offset] = arena.copyOut(at, numbers);
  return [min!, max!, delta!, offset!];
}

function symmetryNumber({ symmetry }: SearchGrid): number {
  return symmetries.indexOf(symmetry);
}
