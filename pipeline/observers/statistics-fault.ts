import type { TensorStatistics } from './statistics.ts';

/** What makes statistics contradict themselves, in words; null when nothing does. For statistics from outside. */
export function statisticsFault({ min, max, bins, counts }: TensorStatistics): string | null {
  if (bins.length !== counts.length) return `has ${bins.length} bins and ${counts.length} counts`;
  for (let i = 0; i < bins.length; i++) {
    if (counts[i] === 0n) return `counts nothing in bin ${bins[i]!}`;
    if (i > 0 && rank(bins[i]!) <= rank(bins[i - 1]!)) return `has its bins out of order: ${bins[i]!} after ${bins[i - 1]!}`;
  }
  const finite = bins.filter(bin => (bin & MAGNITUDE) < INFINITY);
  if (finite.length === 0) return min === Infinity && max === -Infinity ? null : `has a range, [${min}, ${max}], but no finite value`;
  if (!(min <= max)) return `has a range that runs backwards: [${min}, ${max}]`;
  return endFault(min, finite[0]!) ?? endFault(max, finite.at(-1)!);
}

const MAGNITUDE = 0x7fff;
const INFINITY = 0x7f80;

/** Where a bin stands in the ascending order of values. */
function rank(bin: number): number {
  return bin & 0x8000 ? 0xffff - bin : 0x8000 + bin;
}

/** An extreme lies in the outermost finite bin. Zeros count as +0 there, whichever their bin. */
function endFault(end: number, bin: number): string | null {
  const own = new Uint32Array(Float32Array.of(end).buffer)[0]! >>> 16;
  const isThere = own === bin || (end === 0 && (bin & MAGNITUDE) === 0);
  return isThere ? null : `has ${end} for an extreme, which is not of its outermost bin ${bin}`;
}
