import type { TensorStatistics } from '../observers/statistics.ts';

/**
 * Statistics of many tensors in one piece of memory, which moves between threads at the cost of one object instead of several for each tensor:
 * counts, extremes and bins of all of them, one after the other, widest elements first.
 */
export interface PackedStatistics {
  readonly memory: ArrayBuffer;
  /** Bins of each tensor. */
  readonly lengths: readonly number[];
}

/** Bytes of a count and a bin. */
const COUNT = BigUint64Array.BYTES_PER_ELEMENT, BIN = Uint16Array.BYTES_PER_ELEMENT;
/** min and max, float32. */
const EXTREMES = 2;

export function packStatistics(tensors: readonly TensorStatistics[]): PackedStatistics {
  const lengths = tensors.map(({ bins }) => bins.length);
  const memory = new ArrayBuffer(layout(lengths).end);
  views({ memory, lengths }).forEach(({ extremes, bins, counts }, i) => {
    const tensor = tensors[i]!;
    extremes.set([tensor.min, tensor.max]);
    bins.set(tensor.bins);
    counts.set(tensor.counts);
  });
  return { memory, lengths };
}

/** The statistics, as views of the packed memory. */
export function unpackStatistics(packed: PackedStatistics): TensorStatistics[] {
  return views(packed).map(({ extremes: [min, max], bins, counts }) => ({ min: min!, max: max!, bins, counts }));
}

function views({ memory, lengths }: PackedStatistics) {
  const at = layout(lengths);
  let before = 0;
  return lengths.map((length, i) => {
    const view = {
      extremes: new Float32Array(memory, at.extremes + i * EXTREMES * Float32Array.BYTES_PER_ELEMENT, EXTREMES),
      bins: new Uint16Array(memory, at.bins + before * BIN, length),
      counts: new BigUint64Array(memory, before * COUNT, length),
    };
    before += length;
    return view;
  });
}

/** Byte offsets. */
function layout(lengths: readonly number[]): { readonly extremes: number; readonly bins: number; readonly end: number } {
  const all = lengths.reduce((sum, length) => sum + length, 0);
  const extremes = all * COUNT;
  const bins = extremes + lengths.length * EXTREMES * Float32Array.BYTES_PER_ELEMENT;
  return { extremes, bins, end: bins + all * BIN };
}
