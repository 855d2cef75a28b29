// Adds two compacted histograms up into a third: a merge of sorted lists.
//
// Layout   a and b: bins u16[aCount], counts u64[aCount], in the order of compact.ts. The sum goes to bins u16[aCount + bCount]
//          and counts u64[aCount + bCount], which overlap neither input; the number of used bins is returned.
// Identity the empty list. Counts are added as u64.
// Oracle   test/oracles/histogram.ts, same bins and counts.

export function merge(
  aBins: usize, aCounts: usize, bBins: usize, bCounts: usize, bins: usize, counts: usize, aCount: u32, bCount: u32,
): u32 {
  const aEnd = aBins + (<usize>aCount << 1), bEnd = bBins + (<usize>bCount << 1);
  const start = bins;
  while (aBins < aEnd && bBins < bEnd) {          // no branch on the data: which list comes next is as good as random
    const aBin = load<u16>(aBins), bBin = load<u16>(bBins);
    const aKey = rank(aBin), bKey = rank(bBin);
    const takeA = u32(aKey <= bKey), takeB = u32(bKey <= aKey);
    store<u16>(bins, takeA ? aBin : bBin);
    store<u64>(counts, (takeA ? load<u64>(aCounts) : 0) + (takeB ? load<u64>(bCounts) : 0));
    aBins += takeA << 1;  aCounts += takeA << 3;
    bBins += takeB << 1;  bCounts += takeB << 3;
    bins += 2;            counts += 8;
  }
  const aLeft = aEnd - aBins, bLeft = bEnd - bBins;  // in bytes of bins: a quarter of the bytes of counts
  memory.copy(bins, aBins, aLeft);
  memory.copy(counts, aCounts, aLeft << 2);
  memory.copy(bins, bBins, bLeft);
  memory.copy(counts, bCounts, bLeft << 2);
  return <u32>((bins - start + aLeft + bLeft) >>> 1);
}

/** Where a bin stands in the ascending order of values. */
// @ts-ignore: decorator
@inline
function rank(bin: u32): u32 {
  return bin ^ (bin & 0x8000 ? 0xffff : 0x8000);
}
