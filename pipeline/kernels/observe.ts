import type { KernelModule } from './module.ts';
import { pieces } from './pieces.ts';
import type { TensorStatistics } from './statistics.ts';

/** Bins there are, used or not. */
const BINS = 65_536;

/** Values that two kernels read one after the other: 128 KiB, so that the second finds them in the cache. */
const CACHED = 1 << 15;

/** A count of the histogram kernel's scratch is a u32; compaction empties it, at the latest after so many values. */
const COMPACTION = 2 ** 31;

/** Statistics of `values` alone. */
export function observe(module: KernelModule, values: Float32Array, compaction = COMPACTION): TensorStatistics {
  let statistics = observePart(module, values.subarray(0, compaction));
  for (let at = compaction; at < values.length; at += compaction) {
    statistics = mergeStatistics(module, statistics, observePart(module, values.subarray(at, at + compaction)));
  }
  return statistics;
}

function observePart({ run, arena, scratch }: KernelModule, values: Float32Array): TensorStatistics {
  return arena.scope(() => {
    const bins = arena.alloc(BINS * Uint16Array.BYTES_PER_ELEMENT); // first: were memory to run out later, the scratch would be left half full
    const counts = arena.alloc(BINS * BigUint64Array.BYTES_PER_ELEMENT);
    const range = arena.copyIn(Float32Array.of(Infinity, -Infinity));
    for (const { start, end } of pieces(values.length, CACHED)) {
      arena.scope(() => {
        const at = arena.copyIn(values.subarray(start, end));
        run.minMax(at, end - start, range);
        run.histogram(at, end - start, scratch);
      });
    }
    const used = run.compact(scratch, bins, counts);
    const [min, max] = arena.copyOut(range, new Float32Array(2));
    return { min: min!, max: max!, bins: arena.copyOut(bins, new Uint16Array(used)), counts: arena.copyOut(counts, new BigUint64Array(used)) };
  });
}

/** Statistics of everything that `a` or `b` has seen. */
export function mergeStatistics({ run, arena }: KernelModule, a: TensorStatistics, b: TensorStatistics): TensorStatistics {
  return arena.scope(() => {
    const most = a.bins.length + b.bins.length;
    const bins = arena.alloc(most * Uint16Array.BYTES_PER_ELEMENT);
    const counts = arena.alloc(most * BigUint64Array.BYTES_PER_ELEMENT);
    const used = run.merge(
      arena.copyIn(a.bins), arena.copyIn(a.counts), arena.copyIn(b.bins), arena.copyIn(b.counts), bins, counts, a.bins.length, b.bins.length,
    );
    return {
      min: Math.min(a.min, b.min),
      max: Math.max(a.max, b.max),
      bins: arena.copyOut(bins, new Uint16Array(used)),
      counts: arena.copyOut(counts, new BigUint64Array(used)),
    };
  });
}
