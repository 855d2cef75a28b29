import { createHash } from 'node:crypto';

import { elementCount } from '../base/tensor.ts';
import type { Graph } from '../graph/graph.ts';
import type { Initializer, Value } from '../graph/node.ts';
import { bitsPerElement, elementTypeCode } from './data-types.ts';
import { EXTERNAL } from './external-data.ts';
import type { StringStringEntryProto, TensorProto } from './messages.ts';
import { changedMessage, createMessage } from './schema.ts';
import { StoredTensor } from './stored-tensor.ts';
import { toRaw } from './tensor-data.ts';
import { withoutTypedData } from './typed-data.ts';
import { writeInitializer } from './write-initializer.ts';

/** A protobuf message must stay below 2 GiB; this leaves 64 MiB for all that is not weights. */
const MAX_WEIGHT_BYTES = 2 ** 31 - 2 ** 26;

/** Where weights must leave the model's file: tensors of at least this many bytes do. */
export const EXTERNAL_BYTES = 1024;

/** Tensors start at multiples of a memory page, so that a runtime can map the file. */
const PAGE_BYTES = 4096;

/** From how many bytes on tensors must lie in a file of their own: Infinity while the model fits into one. */
export function externalThreshold(graph: Graph): number {
  return weightBytes(graph) > MAX_WEIGHT_BYTES ? EXTERNAL_BYTES : Infinity;
}

/** Bytes of all weights that can be read; content of another file whose folder is not known stays where it is. */
export function weightBytes(graph: Graph): number {
  return graph.initializers.reduce((sum, { initializer }) => sum + (initializer instanceof StoredTensor && !initializer.isReadable ? 0 : byteLength(initializer!)), 0);
}

/** Bytes in the form of raw_data; 0 where there is none, as for strings. */
function byteLength({ dtype, dims, origin }: Initializer): number {
  const code = dtype === 'other' ? (origin as Partial<TensorProto> | undefined)?.dataType ?? 0 : elementTypeCode(dtype);
  return Math.ceil((elementCount(dims) * (bitsPerElement(code) ?? 0)) / 8);
}

/** The file beside a model that holds its large weights: first their places are given out, then the content is written. */
export class ExternalFile {
  readonly #location: string;
  readonly #threshold: number;
  readonly #checksum: StringStringEntryProto | null;
  readonly #tensors: { readonly offset: number; readonly initializer: Initializer }[] = [];
  #end = 0;

  /** @param location name of the file, in the folder of the model */
  constructor(location: string, threshold: number, { checksum = false } = {}) {
    this.#location = location;
    this.#threshold = threshold;
    this.#checksum = checksum ? entry('checksum', '') : null;
  }

  get isEmpty(): boolean {
    return this.#tensors.length === 0;
  }

  /** The message of a weight: with a place in this file if it is large, else with its content. */
  readonly writeWeight = ({ name, initializer }: Value): TensorProto => {
    const length = byteLength(initializer!);
    if (length === 0 || length < this.#threshold) return writeInitializer(name, initializer!);
    const offset = Math.ceil(this.#end / PAGE_BYTES) * PAGE_BYTES;
    this.#tensors.push({ offset, initializer: initializer! });
    this.#end = offset + length;
    const place = [entry('location', this.#location), entry('offset', String(offset)), entry('length', String(length))];
    if (this.#checksum !== null) place.push(this.#checksum);
    return external(name, initializer!, place);
  };

  /** The file, a tensor at a time. When it ends, the checksum in the messages is filled in. */
  *content(): Generator<Uint8Array> {
    const hash = this.#checksum && createHash('sha1');
    let at = 0;
    for (const { offset, initializer } of this.#tensors) {
      for (const piece of [new Uint8Array(offset - at), rawBytes(initializer)]) {
        hash?.update(piece);
        yield piece;
        at += piece.length;
      }
    }
    if (hash) this.#checksum!.value = new TextEncoder().encode(hash.digest('hex'));
  }
}

function external(name: string, initializer: Initializer, externalData: StringStringEntryProto[]): TensorProto {
  const { dtype, dims } = initializer;
  const place = { name, externalData, dataLocation: EXTERNAL };
  if (!(initializer instanceof StoredTensor)) {
    return createMessage('TensorProto', { ...place, dataType: elementTypeCode(dtype as Exclude<typeof dtype, 'other'>), dims: dims.map(BigInt) });
  }
  const message = withoutTypedData(changedMessage(initializer.origin, place));
  delete (message as Partial<TensorProto>).rawData;
  return message;
}

function rawBytes(initializer: Initializer): Uint8Array {
  if (initializer instanceof StoredTensor) {
    const bytes = initializer.rawBytes();
    if (bytes !== null) return bytes;
  }
  const { dtype, data } = initializer.read();
  return toRaw(data as Exclude<typeof data, string[]>, dtype);
}

function entry(key: string, value: string): StringStringEntryProto {
  const encoder = new TextEncoder();
  return createMessage('StringStringEntryProto', { key: encoder.encode(key), value: encoder.encode(value) });
}
