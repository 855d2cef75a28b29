/** References for assembly/histogram.ts, compact.ts and merge.ts: a map from bin to count. */
export interface HistogramOracle {
  readonly bins: Uint16Array;
  readonly counts: BigUint64Array;
}

export function histogramOracle(values: Float32Array): HistogramOracle {
  const counted = new Map<number, number>();
  for (const bits of new Uint32Array(values.buffer, values.byteOffset, values.length)) { // as bits: a NaN read as a number may change
    const bin = binOf(bits);
    counted.set(bin, (counted.get(bin) ?? 0) + 1);
  }
  return inValueOrder(counted);
}

export function mergeOracle(a: HistogramOracle, b: HistogramOracle): HistogramOracle {
  const counted = new Map<number, bigint>();
  for (const { bins, counts } of [a, b]) {
    bins.forEach((bin, i) => counted.set(bin, (counted.get(bin) ?? 0n) + counts[i]!));
  }
  return inValueOrder(counted);
}

/** The upper 16 bits; but a NaN that would pass for an infinity there counts as the quiet NaN of its sign. */
function binOf(bits: number): number {
  const bin = bits >>> 16;
  const isNaNInDisguise = (bin === 0x7f80 || bin === 0xff80) && bits % 65_536 !== 0;
  return isNaNInDisguise ? bin + 0x40 : bin;
}

/** Sorted by sign first, then by magnitude: away from zero on the positive side, towards it on the negative. */
function inValueOrder(counted: Map<number, number | bigint>): HistogramOracle {
  const negative = [...counted.keys()].filter(bin => bin >= 0x8000).sort((a, b) => b - a);
  const positive = [...counted.keys()].filter(bin => bin < 0x8000).sort((a, b) => a - b);
  const bins = Uint16Array.from([...negative, ...positive]);
  return { bins, counts: BigUint64Array.from(bins, bin => BigInt(counted.get(bin)!)) };
}
