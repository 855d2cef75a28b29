/** References for assembly/histogram.ts, compact.ts and merge.ts: a map from bin to count. */
export interface HistogramOracle {
  readonly bins: Uint16Array;
  readonly counts: BigUint64Array;
}

export function histogramOracle(values: Float32Array): HistogramOracle {
  const counted = new Map<number, bigint>();
  for (const x of values) {
    const bin = binOf(x);
    counted.set(bin, (counted.get(bin) ?? 0n) + 1n);
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

const float = new DataView(new ArrayBuffer(4));

function binOf(x: number): number {
  float.setFloat32(0, x);
  return float.getUint16(0);
}

/** Sorted by sign first, then by magnitude: away from zero on the positive side, towards it on the negative. */
function inValueOrder(counted: Map<number, bigint>): HistogramOracle {
  const negative = [...counted.keys()].filter(bin => bin >= 0x8000).sort((a, b) => b - a);
  const positive = [...counted.keys()].filter(bin => bin < 0x8000).sort((a, b) => a - b);
  const bins = Uint16Array.from([...negative, ...positive]);
  return { bins, counts: BigUint64Array.from(bins, bin => counted.get(bin)!) };
}
