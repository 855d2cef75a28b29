import { QuantpipeError } from '../base/errors.ts';
import type { DType, Tensor } from '../base/tensor.ts';
import type { Initializer } from '../graph/node.ts';
import { bitsPerElement, dtypeOf } from './data-types.ts';
import { type ExternalFolder, isExternal, locateExternal, setInline } from './external-data.ts';
import type { TensorProto } from './messages.ts';
import { fromRaw, fromTyped } from './tensor-data.ts';
import { countTyped, typedFieldOf, typedValues } from './typed-data.ts';

/**
 * A tensor of the model file, decoded when it is asked for. Its declared size has been checked against the bytes
 * there are, wherever they lie: in raw_data, in a typed field, or in another file.
 */
export class StoredTensor implements Initializer {
  readonly dtype: DType | 'other';
  readonly dims: readonly number[];
  readonly origin: TensorProto;
  /** False where the content lies in another file and the model's folder is not known. */
  readonly isReadable: boolean;
  readonly #what: string;
  readonly #bytes: (() => Uint8Array) | null;

  /** @param what how messages call the tensor, as in `initializer 'conv1.weight'` */
  constructor(origin: TensorProto, what: string, folder: ExternalFolder | null) {
    this.origin = origin;
    this.#what = what;
    this.dtype = dtypeOf(origin.dataType) ?? 'other';
    this.dims = readDims(origin.dims, what);
    this.isReadable = folder !== null || !isExternal(origin);
    this.#bytes = this.#locate(folder);
  }

  read(): Tensor {
    if (this.dtype === 'other') {
      throw new QuantpipeError('op-unsupported', `${this.#what} has element type ${this.origin.dataType}, which cannot be read`);
    }
    const { dtype, dims } = this;
    return { dtype, dims, data: this.#bytes === null ? fromTyped(this.origin, dtype, this.#count) : fromRaw(this.#bytes(), dtype, this.#count) };
  }

  /** The content in the form of raw_data; null where it lies in a typed field. */
  rawBytes(): Uint8Array | null {
    return this.#bytes?.() ?? null;
  }

  /** Put content that lies in another file into the message itself, so that what is carried does not depend on a folder. */
  bringIn(): void {
    if (isExternal(this.origin) && this.isReadable) setInline(this.origin, this.rawBytes()!);
  }

  get #count(): number {
    return this.dims.reduce((count, dim) => count * dim, 1);
  }

  #locate(folder: ExternalFolder | null): (() => Uint8Array) | null {
    const { origin } = this;
    const bits = bitsPerElement(origin.dataType);
    const needed = bits === null ? null : Math.ceil((this.#count * bits) / 8);
    if (isExternal(origin)) return locateExternal(origin, needed, this.#what, folder);
    const field = typedFieldOf(origin);
    if (field === null || origin.rawData.length > 0) {
      if (needed !== null) this.#checkSize(needed, 'bytes', origin.rawData.length, 'raw_data');
      return () => origin.rawData;
    }
    this.#checkSize(typedValues(origin.dataType, this.#count), 'values', countTyped(origin, field, this.#what), field.name);
    return null;
  }

  #checkSize(needed: number, unit: string, held: number, field: string): void {
    if (held !== needed) throw new QuantpipeError('model-malformed', `${this.#what} needs ${needed} ${unit}, ${field} holds ${held}`);
  }
}

/** The largest number of elements whose bytes can still be counted exactly. */
const MAX_ELEMENTS = Number.MAX_SAFE_INTEGER / 128;

/** Dimensions as numbers, which must not be negative, nor too many to count elements exactly. */
export function readDims(dims: readonly bigint[], what: string): number[] {
  const shown = `[${dims.join(', ')}]`;
  if (dims.some(dim => dim < 0n)) throw new QuantpipeError('model-malformed', `${what} has a negative dimension: ${shown}`);
  const numbers = dims.map(Number);
  if (Math.max(...numbers, 1) > MAX_ELEMENTS || numbers.reduce((count, dim) => count * dim, 1) > MAX_ELEMENTS) {
    throw new QuantpipeError('model-malformed', `${what} has more elements than can be addressed: ${shown}`);
  }
  return numbers;
}
