import { DataType, type Field } from 'apache-arrow';

import { QuantpipeError } from '../base/errors.ts';
import { elementCount, type DType, type Tensor } from '../base/tensor.ts';
import type { Values } from './cast.ts';
import { recordBatch } from './record-batches.ts';
import { canHold, joinedValues, raggedData, raggedField, tensorData, tensorField, typedArray, type Sample } from './tensor-columns.ts';

/** A column of samples that come one by one: their rank and element type are known, their shapes may differ. */
export interface SampleColumn {
  readonly name: string;
  readonly dtype: DType;
  readonly rank: number;
}

export function sampleField({ name, dtype, rank }: SampleColumn): Field {
  return rank === 0 ? tensorField(name, dtype, []) : raggedField(name, dtype, Array<null>(rank).fill(null));
}

/** @param samples of each column, equally many */
export function samplesBatch(columns: readonly SampleColumn[], samples: readonly (readonly Sample[])[]) {
  const fields = columns.map(sampleField);
  const data = fields.map((field, i) => DataType.isStruct(field.type)
    ? raggedData(field, samples[i]!)
    : tensorData(field, joinedValues(columns[i]!.dtype, samples[i]!), samples[i]!.length));
  return recordBatch(fields, data);
}

/** A tensor that is what its column says, with as many values as its shape; `data-invalid` else. */
export function checkTensor({ dtype, dims, data }: Tensor, where: string): { readonly dims: readonly number[]; readonly values: Values } {
  const fail = (fact: string) => new QuantpipeError('data-invalid', `${where}: ${fact}`);
  if (!canHold(dtype)) throw fail(`tensors of ${String(dtype)} are not read`);
  if (!Array.isArray(dims) || !dims.every(dim => Number.isSafeInteger(dim) && dim >= 0)) throw fail(`its dims are ${JSON.stringify(dims)}`);
  if (!(data instanceof typedArray(dtype))) throw fail(`a tensor of ${dtype} needs a ${typedArray(dtype).name}, got ${data === undefined ? 'no data' : Object(data).constructor?.name ?? typeof data}`);
  if (data.length !== elementCount(dims)) throw fail(`a shape of [${dims.join(', ')}] needs ${elementCount(dims)} values, there are ${data.length}`);
  return { dims, values: data as Values };
}
