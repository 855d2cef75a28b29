import { elementCount, type Tensor } from '../base/tensor.ts';

/** How many elements of an output of integers or booleans (class numbers, masks, places) are the same in two models. */
export interface Answers {
  /** Of the larger of the two outputs, where their shapes follow from the data and differ. */
  readonly elements: number;
  /** Share of equal ones, 0…1. */
  readonly equal: number;
}

/** Whether an output holds answers, and no values that could be near each other. */
export function holdsAnswers({ dtype }: Tensor): boolean {
  return dtype === 'bool' || dtype.startsWith('int') || dtype.startsWith('uint');
}

/** Counts equal answers batch by batch. */
export class AnswerCount {
  #elements = 0;
  #equal = 0;

  /** Count a batch. Of outputs of different shapes, no element is the same. */
  add(reference: Tensor, other: Tensor): void {
    this.#elements += Math.max(elementCount(reference.dims), elementCount(other.dims));
    if (String(reference.dims) !== String(other.dims)) return;
    const [a, b] = [reference, other].map(({ data }) => data as ArrayLike<unknown>) as [ArrayLike<unknown>, ArrayLike<unknown>];
    const isSameType = reference.dtype === other.dtype; // 3 is not 3n
    for (let i = 0; i < a.length; i++) if (a[i] === b[i] || (!isSameType && Number(a[i]) === Number(b[i]))) this.#equal++;
  }

  get result(): Answers {
    return { elements: this.#elements, equal: this.#elements === 0 ? 1 : this.#equal / this.#elements };
  }
}
