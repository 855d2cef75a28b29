import { type ErrorCode, QuantpipeError } from '../base/errors.ts';
import { didYouMean } from './near-name.ts';

/** Characters of a wrong value that a message shows. */
const LONGEST_SHOWN = 60;

/** The code of a complaint about each kind of document. */
const DOCUMENTS = { config: 'config-invalid', encodings: 'encodings-invalid' } as const satisfies Record<string, ErrorCode>;

/**
 * A value in a JSON document and the path that leads to it, so that every complaint says where:
 * `op_type.Conv.is_output_quantized: expected "True" or "False", got 1`.
 */
export class JsonPlace {
  readonly value: unknown;
  readonly path: string;
  /** The document, as messages call it. */
  readonly where: string;
  /** What the document is. */
  readonly kind: keyof typeof DOCUMENTS;

  constructor(value: unknown, where: string, path = '', kind: keyof typeof DOCUMENTS = 'config') {
    this.value = value;
    this.path = path;
    this.where = where;
    this.kind = kind;
  }

  /** The entries of an object, in the order of the file. */
  entries(): [key: string, place: JsonPlace][] {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) throw this.expected('an object');
    return Object.entries(this.value).map(([key, value]) => [key, new JsonPlace(value, this.where, this.path === '' ? key : `${this.path}.${key}`, this.kind)]);
  }

  /** The entries of an object whose keys must be among `known`. Of several others, one that is nearly a known key is told of: it explains what is missing. */
  fields<Key extends string>(known: readonly Key[]): Partial<Record<Key, JsonPlace>> {
    const entries = this.entries();
    const unknown = entries.filter(([key]) => !known.includes(key as Key));
    const [key, place] = unknown.find(([key]) => didYouMean(key, known) !== '') ?? unknown[0] ?? [];
    if (place !== undefined) throw place.error(`unknown ${this.path === '' ? 'section' : 'key'}${didYouMean(key!, known) || `; known are ${known.join(', ')}`}`);
    return Object.fromEntries(entries) as Partial<Record<Key, JsonPlace>>;
  }

  items(): JsonPlace[] {
    if (!Array.isArray(this.value)) throw this.expected('a list');
    return this.value.map((value, index) => new JsonPlace(value, this.where, `${this.path}[${index}]`, this.kind));
  }

  /** AIMET writes "True" and "False"; JSON's own booleans are taken too. */
  boolean(): boolean {
    if (this.value === 'True' || this.value === true) return true;
    if (this.value === 'False' || this.value === false) return false;
    throw this.expected('"True" or "False"');
  }

  number(): number {
    if (typeof this.value !== 'number' || !Number.isFinite(this.value)) throw this.expected('a number');
    return this.value;
  }

  /** A number that tensors can hold. */
  float32(): number {
    if (!Number.isFinite(Math.fround(this.number()))) throw this.expected('a number that float32 can hold');
    return this.number();
  }

  string(): string {
    if (typeof this.value !== 'string' || this.value === '') throw this.expected('a name');
    return this.value;
  }

  oneOf<Choice extends string | number>(choices: readonly Choice[]): Choice {
    if (!choices.includes(this.value as Choice)) throw this.expected(choices.map(choice => JSON.stringify(choice)).join(' or '));
    return this.value as Choice;
  }

  expected(what: string): QuantpipeError {
    const isTooLarge = typeof this.value === 'number' && !Number.isFinite(this.value); // 1e400: JSON.parse makes Infinity of it
    const found = isTooLarge ? 'a number too large for a float64' : JSON.stringify(this.value) ?? String(this.value);
    return this.error(`expected ${what}, got ${found.length > LONGEST_SHOWN ? `${found.slice(0, LONGEST_SHOWN)}…` : found}`);
  }

  error(fact: string): QuantpipeError {
    return new QuantpipeError(DOCUMENTS[this.kind], `${this.path === '' ? this.where : this.path}: ${fact}`, { [this.kind]: this.where });
  }
}
