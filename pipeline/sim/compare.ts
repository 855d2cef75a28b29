import { check } from '../base/check.ts';
import { elementCount, type Tensor } from '../base/tensor.ts';
import { StepCounts } from './step-counts.ts';

/** How close one model's output is to another's. */
export interface Closeness {
  /** Whether every value is the same, NaN and infinities too. */
  readonly exact: boolean;
  /**
   * Signal to quantization noise of the finite pairs, `10·log10(Σ reference² / Σ (reference − other)²)`, in dB; Infinity where none
   * differs, NaN where there is no finite pair.
   */
  readonly sqnr: number;
  /** Cosine of the angle between the two, all samples as one vector; 1 where both are zero. */
  readonly cosine: number;
  /** Largest absolute difference. */
  readonly maxError: number;
  /** Share of rows (along the last axis) whose largest value stands at the same place, 0…1; null where rows have one element. A row with NaN has no largest value. */
  readonly agreement: number | null;
  /** Elements off by 0, 1, 2, … steps of the output's encoding, the last entry by that many or more; null where it has none. */
  readonly offBy: readonly number[] | null;
  /** Pairs that are left out of all but `exact` and `agreement`, because a value is NaN or infinite. */
  readonly nonFinite: number;
}

/** Compares outputs batch by batch. It keeps sums (in float64), never outputs. */
export class Comparison {
  readonly #steps: StepCounts | null;
  #signal = 0;
  #noise = 0;
  #product = 0;
  #otherSignal = 0;
  #maxError = 0;
  #finite = 0;
  #nonFinite = 0;
  #differing = 0;
  #rows = 0;
  #agreeing = 0;

  /** @param delta one step of the output's encoding, in real units; null where it has none */
  constructor(delta: number | null = null) {
    this.#steps = delta === null ? null : new StepCounts(delta);
  }

  /** Count a batch. The tensors are float32 and of one shape. */
  add(reference: Tensor, other: Tensor): void {
    const a = floats(reference), b = floats(other);
    check(a.length === b.length, `outputs of ${a.length} and ${b.length} elements`);
    this.#addValues(a, b);
    this.#steps?.add(a, b);
    const width = reference.dims.at(-1) ?? 1;
    if (width < 2) return;
    for (let start = 0; start < a.length; start += width) {
      this.#rows++;
      const best = argmax(a, start, start + width);
      if (best !== NO_LARGEST && best === argmax(b, start, start + width)) this.#agreeing++;
    }
  }

  get result(): Closeness {
    const norm = Math.sqrt(this.#signal) * Math.sqrt(this.#otherSignal);
    return {
      exact: this.#differing === 0,
      sqnr: this.#finite === 0 ? NaN : this.#noise === 0 ? Infinity : 10 * Math.log10(this.#signal / this.#noise),
      cosine: norm > 0 ? this.#product / norm : this.#signal === this.#otherSignal ? 1 : 0,
      maxError: this.#maxError,
      agreement: this.#rows === 0 ? null : this.#agreeing / this.#rows,
      offBy: this.#steps?.counts ?? null,
      nonFinite: this.#nonFinite,
    };
  }

  #addValues(a: Float32Array, b: Float32Array): void {
    let signal = 0, noise = 0, product = 0, otherSignal = 0;
    for (let i = 0; i < a.length; i++) {
      const x = a[i]!, y = b[i]!, error = x - y;
      if (x !== y && !(Number.isNaN(x) && Number.isNaN(y))) this.#differing++;
      if (!Number.isFinite(error)) {
        this.#nonFinite++;
        continue;
      }
      this.#finite++;
      signal += x * x;
      noise += error * error;
      product += x * y;
      otherSignal += y * y;
      if (Math.abs(error) > this.#maxError) this.#maxError = Math.abs(error);
    }
    this.#signal += signal;
    this.#noise += noise;
    this.#product += product;
    this.#otherSignal += otherSignal;
  }
}

/** What {@link argmax} gives where a NaN leaves no answer. */
export const NO_LARGEST = -1;

/** Index (counted from `start`) of the first largest value of `values[start … end)`; -1, which is no class, where one is NaN. */
export function argmax(values: Float32Array, start: number, end: number): number {
  let best = start;
  for (let i = start; i < end; i++) {
    const x = values[i]!;
    if (x > values[best]!) best = i;
    else if (Number.isNaN(x)) return NO_LARGEST;
  }
  return best - start;
}

/** The values of a float32 output. */
export function floats({ dtype, dims, data }: Tensor): Float32Array {
  check(data instanceof Float32Array && data.length === elementCount(dims), `a float32 output, got ${dtype}`);
  return data;
}
