import { bfloat16FromFloats, halvesFromFloats } from '../base/half.ts';
import type { FloatQuantizer } from '../config/placement.ts';

/** Elements off by 0, 1, 2 and 3 steps, and by 4 or more. */
const COUNTED = 5;

/** What a step is: so wide in real units, or from one value of a floating-point format to the next. */
export type Step = number | FloatQuantizer['format'];

/**
 * How far two tensors on one grid, or of one format, lie apart in its steps: element by element, rounded to the nearest whole step. What two
 * runtimes compute differs by rounding, so this says more than decibels: off by one is noise, off by many is another computation.
 */
export class StepCounts {
  readonly step: Step;
  readonly #counts = new Array<number>(COUNTED).fill(0);

  constructor(step: Step) {
    this.step = step;
  }

  /** Count the elements of two arrays of one length. A pair with NaN, or with an infinity on one side, counts as farthest. */
  add(a: Float32Array, b: Float32Array): void {
    if (typeof this.step === 'number') this.#addOfGrid(a, b, this.step);
    else this.#addOfFormat(a, b, this.step);
  }

  #addOfGrid(a: Float32Array, b: Float32Array, delta: number): void {
    for (let i = 0; i < a.length; i++) this.#count(a[i] === b[i] ? 0 : Math.round(Math.abs(a[i]! - b[i]!) / delta));
  }

  #addOfFormat(a: Float32Array, b: Float32Array, format: FloatQuantizer['format']): void {
    const [from, to] = [positions(a, format), positions(b, format)];
    for (let i = 0; i < a.length; i++) this.#count(a[i] === b[i] ? 0 : Number.isFinite(a[i]! - b[i]!) ? Math.abs(from[i]! - to[i]!) : COUNTED);
  }

  #count(off: number): void {
    this.#counts[off < COUNTED ? off : COUNTED - 1]!++;
  }

  /** Entry n: elements off by n steps; the last entry: by that many or more. */
  get counts(): readonly number[] {
    return this.#counts;
  }
}

/** Where values stand among those of a format, counted from zero: its bits are a sign and a magnitude that grows with the value. */
function positions(values: Float32Array, format: FloatQuantizer['format']): Int16Array {
  const bits = format === 'float16' ? halvesFromFloats(values) : bfloat16FromFloats(values);
  return Int16Array.from(bits, code => code & 0x8000 ? -(code & 0x7fff) : code);
}
