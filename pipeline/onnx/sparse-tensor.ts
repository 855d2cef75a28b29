import { QuantpipeError } from '../base/errors.ts';
import type { DType, Tensor } from '../base/tensor.ts';
import type { Initializer } from '../graph/node.ts';
import type { ExternalFolder } from './external-data.ts';
import type { SparseTensorProto } from './messages.ts';
import { readDims, StoredTensor } from './stored-tensor.ts';

/** A sparse initializer. It is carried; its content cannot be read. */
export class SparseTensor implements Initializer {
  readonly dtype: DType | 'other';
  readonly dims: readonly number[];
  readonly origin: SparseTensorProto;
  readonly #what: string;

  constructor(origin: SparseTensorProto, what: string, folder: ExternalFolder | null) {
    if (origin.values === undefined || origin.indices === undefined) {
      throw new QuantpipeError('model-malformed', `${what} needs values and indices, and has ${origin.values ? 'no indices' : 'no values'}`);
    }
    this.origin = origin;
    this.#what = what;
    const [values, indices] = [new StoredTensor(origin.values, `the values of ${what}`, folder), new StoredTensor(origin.indices, `the indices of ${what}`, folder)];
    for (const part of [values, indices]) part.bringIn();
    this.dtype = values.dtype;
    this.dims = readDims(origin.dims, what);
  }

  read(): Tensor {
    throw new QuantpipeError('op-unsupported', `${this.#what} cannot be read: it is sparse`);
  }
}
