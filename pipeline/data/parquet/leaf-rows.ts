import { QuantpipeError } from '../../base/errors.ts';
import { nullSample } from '../nulls.ts';
import type { Leaf } from './leaf.ts';
import { slice, type PageValues } from './page-values.ts';
import type { Page } from './pages.ts';

/** Some rows of a leaf. */
export interface LeafRows {
  readonly rows: number;
  /** Values in the pieces that pages stored them in. */
  readonly values: readonly PageValues[];
  /** For each list around the value, from the outside: the lengths of all such lists, in order. */
  readonly lengths: readonly (readonly number[])[];
}

/** Most entries of one batch: a row of runs that never end is not read to its end. A sample of 64 million values is. */
const MAX_ENTRIES = 1 << 26;

/** Takes rows off the pages of one leaf, in order. A row may go on in the next page. */
export class LeafReader {
  readonly #leaf: Leaf;
  readonly #where: string;
  readonly #pages: AsyncIterator<Page>;
  #page: Page | null = null;
  /** Next entry of the page, and next value. */
  #entry = 0;
  #value = 0;
  /** Position in the file of the next sample. */
  #sample: number;

  /** @param sample position in the file of the first row of these pages */
  constructor(leaf: Leaf, pages: AsyncIterable<Page>, where: string, sample: number) {
    this.#leaf = leaf;
    this.#where = where;
    this.#sample = sample;
    this.#pages = pages[Symbol.asyncIterator]();
  }

  /** @throws data-invalid where fewer rows are left, or a value is missing */
  async take(rows: number): Promise<LeafRows> {
    const values: PageValues[] = [];
    const lengths: number[][] = this.#leaf.listLevels.map(() => []);
    let taken = 0, count = 0;
    for (;;) {
      if (this.#page === null || this.#entry === this.#page.entries) if (!await this.#turn()) break;
      const { repetition, values: stored } = this.#page!;
      if (taken === rows && (repetition === null || repetition[this.#entry] === 0)) break;
      const begin = this.#value, first = this.#entry;
      taken += this.#leaf.listLevels.length === 0 ? this.#passScalars(rows - taken) : this.#passLists(rows - taken, lengths);
      values.push(slice(stored, begin, this.#value));
      count += this.#entry - first;
      if (count > MAX_ENTRIES) throw this.#invalid(`${rows} ${rows === 1 ? 'sample holds' : 'samples hold'} more than ${MAX_ENTRIES} values`);
    }
    if (taken < rows) throw this.#invalid(`${rows} samples are declared, ${taken} are left`);
    return { rows, values, lengths };
  }

  async close(): Promise<void> {
    await this.#pages.return?.();
  }

  async #turn(): Promise<boolean> {
    do {
      const { done, value } = await this.#pages.next();
      if (done) return false;
      [this.#page, this.#entry, this.#value] = [value, 0, 0];
    } while (this.#page!.entries === 0);
    return true;
  }

  #passScalars(rows: number): number {
    const { entries, definition } = this.#page!;
    const passed = Math.min(rows, entries - this.#entry);
    const { maxDefinition } = this.#leaf;
    if (definition !== null) for (let i = 0; i < passed; i++) if (definition[this.#entry + i] !== maxDefinition) throw nullSample(this.#sample + i, this.#where, { isWhole: true });
    this.#sample += passed;
    this.#entry += passed;
    this.#value += passed;
    return passed;
  }

  /** Pass over the entries of at most so many new rows; gives how many began. */
  #passLists(rows: number, lengths: readonly number[][]): number {
    const { entries, repetition, definition } = this.#page!;
    const { listLevels, maxDefinition } = this.#leaf;
    const depth = listLevels.length;
    let begun = 0;
    for (; this.#entry < entries; this.#entry++) {
      const repeated = repetition![this.#entry]!, defined = definition![this.#entry]!;
      if (repeated === 0 && begun === rows) break;
      if (repeated === 0) {
        begun++;
        this.#sample++;
      } else {
        const lists = lengths[repeated - 1];
        if (lists === undefined || lists.length === 0) throw this.#invalid(`a value goes on a list of level ${repeated} that did not begin`);
        lists[lists.length - 1]!++;
      }
      for (let level = repeated; level < depth; level++) {
        const present = defined >= listLevels[level]!;
        if (!present && defined < listLevels[level]! - 1) throw nullSample(this.#sample - 1, this.#where, { isWhole: level === 0 });
        lengths[level]!.push(present ? 1 : 0);
        if (!present) break;
      }
      if (defined === maxDefinition) this.#value++;
      else if (defined >= listLevels[depth - 1]!) throw nullSample(this.#sample - 1, this.#where, { isWhole: false });
    }
    return begun;
  }

  #invalid(fact: string): QuantpipeError {
    return new QuantpipeError('data-invalid', `${this.#where}: ${fact}`);
  }
}
