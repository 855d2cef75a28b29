import { QuantpipeError } from '../../base/errors.ts';
import type { Preprocess } from '../source.ts';
import type { ImageSettings, Size } from './image-settings.ts';

/** What a preprocessing file says: what becomes of images, and then of values. */
export interface Preprocessing {
  readonly images: Partial<ImageSettings>;
  readonly preprocess: Partial<Preprocess>;
}

/** The entries of a file, each read as what it must be; undefined where it is missing or null. */
export class Entries {
  readonly #entries: Readonly<Record<string, unknown>>;
  readonly #where: string;

  constructor(entries: Readonly<Record<string, unknown>>, where: string) {
    this.#entries = entries;
    this.#where = where;
  }

  get(key: string): unknown {
    return this.#entries[key] ?? undefined;
  }

  fail(key: string, expected: string, got: unknown): QuantpipeError {
    return new QuantpipeError('config-invalid', `${this.#where}: ${key}: expected ${expected}, got ${got === undefined ? 'nothing' : JSON.stringify(got)}`);
  }

  refuseOthers(known: readonly string[]): void {
    const other = Object.keys(this.#entries).find(key => !known.includes(key));
    if (other !== undefined) throw this.fail(other, `one of the entries ${known.join(', ')}`, this.get(other));
  }

  /** A step that is taken and not known would change the values. */
  refuseSteps(known: readonly string[]): void {
    const other = Object.keys(this.#entries).find(key => key.startsWith('do_') && !known.includes(key) && this.flag(key));
    if (other !== undefined) throw this.fail(other, 'false, this step is not supported', true);
  }

  /** An entry that is not known may change the values, unless it says no: false, null, or a factor or divisor of 1. */
  refuseEffects(known: readonly string[]): void {
    const other = Object.keys(this.#entries).find(key => !known.includes(key) && !key.startsWith('do_') && ![undefined, false, 1].includes(this.get(key) as undefined));
    if (other !== undefined) throw this.fail(other, 'no such entry: it may change images in a way that is not known here (write the resize, crop, scale, mean and std that are meant, or take it out)', this.get(other));
  }

  flag(key: string): boolean | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.fail(key, 'true or false', value);
  }

  oneOf<T extends string>(key: string, words: readonly T[]): T | undefined {
    const value = this.get(key);
    const word = words.find(word => word === value);
    if (value !== undefined && word === undefined) throw this.fail(key, `one of ${words.join(', ')}`, value);
    return word;
  }

  numbers(key: string): number[] | undefined {
    const value = this.get(key);
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (value === undefined) return undefined;
    if (list.length > 0 && list.every(item => typeof item === 'number')) return list;
    throw this.fail(key, 'a number or a list of numbers', value);
  }

  /** A number; height and width, in a list or by name; or the shortest edge by name. */
  edges(key: string): number | Size | { readonly shortest: number } | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === 'number') return value;
    if (Array.isArray(value) && value.length === 2) return { height: Number(value[0]), width: Number(value[1]) };
    const { shortest_edge: shortest, height, width, ...others } = Object(value) as Record<string, unknown>;
    const isPlain = !Array.isArray(value) && Object.keys(others).length === 0;
    if (isPlain && typeof shortest === 'number' && height === undefined && width === undefined) return { shortest };
    if (isPlain && typeof height === 'number' && typeof width === 'number' && shortest === undefined) return { height, width };
    throw this.fail(key, 'a number, [height, width], {"height", "width"} or {"shortest_edge"}', value);
  }

  square(key: string, edges: NonNullable<ReturnType<Entries['edges']>>): Size {
    if (typeof edges === 'number') return { height: edges, width: edges };
    if ('height' in edges) return edges;
    throw this.fail(key, 'a number, [height, width] or {"height", "width"}', this.get(key));
  }
}
