import { QuantpipeError } from '../../base/errors.ts';
import { typedArray } from '../tensor-columns.ts';
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
  /** The rows that are null or hold a null, in order. In place of one that is missing a zero is among the values, or an empty byte string. */
  readonly nulls: readonly number[];
}

/** The rows while they are being taken. */
type Taken = { -readonly [Key in keyof LeafRows]: LeafRows[Key] } & { readonly values: PageValues[]; readonly lengths: readonly number[][]; readonly nulls: number[] };

/** The rows `begin` to `end` (exclusive) of these. */
export function rowsBetween(all: LeafRows, begin: number, end: number): LeafRows {
  if (begin === 0 && end === all.rows) return all;
  let [from, to] = [begin, end];
  const lengths = all.lengths.map(level => {
    const kept = level.slice(from, to), before = sum(level.slice(0, from));
    [from, to] = [before, before + sum(kept)];
    return kept;
  });
  const values: PageValues[] = [];
  let at = 0;
  for (const piece of all.values) {
    if (at < to && at + piece.length > from) values.push(slice(piece, Math.max(0, from - at), Math.min(piece.length, to - at)));
    at += piece.length;
  }
  return { rows: end - begin, values, lengths, nulls: all.nulls.filter(row => row >= begin && row < end).map(row => row - begin) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
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

  constructor(leaf: Leaf, pages: AsyncIterable<Page>, where: string) {
    this.#leaf = leaf;
    this.#where = where;
    this.#pages = pages[Symbol.asyncIterator]();
  }

  /** @throws data-invalid where fewer rows are left */
  async take(rows: number): Promise<LeafRows> {
    const taken: Taken = { rows: 0, values: [], lengths: this.#leaf.listLevels.map(() => []), nulls: [] };
    let entries = 0;
    for (;;) {
      if (this.#page === null || this.#entry === this.#page.entries) if (!await this.#turn()) break;
      const { repetition } = this.#page!;
      if (taken.rows === rows && (repetition === null || repetition[this.#entry] === 0)) break;
      const first = this.#entry;
      if (this.#leaf.listLevels.length === 0) this.#passScalars(taken, rows);
      else this.#passLists(taken, rows);
      entries += this.#entry - first;
      if (entries > MAX_ENTRIES) throw this.#invalid(`${rows} ${rows === 1 ? 'sample holds' : 'samples hold'} more than ${MAX_ENTRIES} values`);
    }
    if (taken.rows < rows) throw this.#invalid(`${rows} samples are declared, ${taken.rows} are left`);
    return taken;
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

  #passScalars(taken: Taken, rows: number): void {
    const { entries, definition } = this.#page!;
    const passed = Math.min(rows - taken.rows, entries - this.#entry);
    let begin = this.#value;
    if (definition === null) this.#value += passed;
    else for (let i = 0; i < passed; i++) {
      if (definition[this.#entry + i] === this.#leaf.maxDefinition) this.#value++;
      else begin = this.#fill(taken, begin, taken.rows + i);
    }
    this.#keep(taken, begin);
    this.#entry += passed;
    taken.rows += passed;
  }

  /** Pass over entries until `rows` rows are taken whole, or the page ends. */
  #passLists(taken: Taken, rows: number): void {
    const { entries, repetition, definition } = this.#page!;
    const { listLevels, maxDefinition } = this.#leaf;
    const { lengths } = taken, depth = listLevels.length;
    let begin = this.#value;
    for (; this.#entry < entries; this.#entry++) {
      const repeated = repetition![this.#entry]!, defined = definition![this.#entry]!;
      if (repeated === 0 && taken.rows === rows) break;
      if (repeated === 0) {
        taken.rows++;
      } else {
        const lists = lengths[repeated - 1];
        if (lists === undefined || lists.length === 0) throw this.#invalid(`a value goes on a list of level ${repeated} that did not begin`);
        lists[lists.length - 1]!++;
      }
      for (let level = repeated; level < depth; level++) {
        const present = defined >= listLevels[level]!;
        if (!present && defined < listLevels[level]! - 1) this.#mark(taken, taken.rows - 1);
        lengths[level]!.push(present ? 1 : 0);
        if (!present) break;
      }
      if (defined === maxDefinition) this.#value++;
      else if (defined >= listLevels[depth - 1]!) begin = this.#fill(taken, begin, taken.rows - 1);
    }
    this.#keep(taken, begin);
  }

  /** Something in place of a value that is missing, behind those of the page that were passed; gives where the next ones begin. */
  #fill(taken: Taken, begin: number, row: number): number {
    const { dtype } = this.#leaf;
    this.#keep(taken, begin);
    taken.values.push(dtype === 'string' || dtype === 'binary' ? [new Uint8Array(0)] : dtype === 'float16' ? [new Uint8Array(2)] : new (typedArray(dtype))(1) as PageValues);
    this.#mark(taken, row);
    return this.#value;
  }

  #mark({ nulls }: Taken, row: number): void {
    if (!this.#leaf.isOptional && nulls.at(-1) !== row) nulls.push(row);
  }

  #keep({ values }: Taken, begin: number): void {
    if (this.#value > begin) values.push(slice(this.#page!.values, begin, this.#value));
  }

  #invalid(fact: string): QuantpipeError {
    return new QuantpipeError('data-invalid', `${this.#where}: ${fact}`);
  }
}
