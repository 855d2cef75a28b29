/** Elements off by 0, 1, 2 and 3 steps, and by 4 or more. */
const COUNTED = 5;

/**
 * How far two tensors on one grid lie apart, in its steps: element by element, rounded to the nearest whole step. What two runtimes
 * compute differs by rounding, so this says more than decibels: off by one is noise, off by many is another computation.
 */
export class StepCounts {
  readonly delta: number;
  readonly #counts = new Array<number>(COUNTED).fill(0);

  /** @param delta one step of the grid, in real units */
  constructor(delta: number) {
    this.delta = delta;
  }

  /** Count the elements of two arrays of one length. A pair with NaN, or with an infinity on one side, counts as farthest. */
  add(a: Float32Array, b: Float32Array): void {
    const counts = this.#counts, delta = this.delta;
    for (let i = 0; i < a.length; i++) {
      const off = a[i] === b[i] ? 0 : Math.round(Math.abs(a[i]! - b[i]!) / delta);
      counts[off < COUNTED ? off : COUNTED - 1]!++;
    }
  }

  /** Entry n: elements off by n steps; the last entry: by that many or more. */
  get counts(): readonly number[] {
    return this.#counts;
  }
}
