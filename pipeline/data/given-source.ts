import { type RecordBatch, Schema } from 'apache-arrow';

import { QuantpipeError } from '../base/errors.ts';
import { elementCount, type Feeds, type Tensor } from '../base/tensor.ts';
import { adoptBatch } from './adopt-batch.ts';
import { columnsOf } from './column.ts';
import { skippable } from './record-batches.ts';
import { checkTensor, sampleField, samplesBatch, type SampleColumn } from './sample-columns.ts';
import type { StoredSource } from './source.ts';

/** What a program may hand over: Arrow record batches, of any copy of apache-arrow, a row per sample; or feeds, a tensor for each input, whose first axis counts samples. */
export type Given = RecordBatch | Feeds;

const NAME = 'the given data';

/**
 * Samples that a program hands over as they come. What can be iterated anew (an array, an object whose iterator begins again) can be
 * read again; a generator can be read once. The first item tells the columns.
 */
export async function givenSource(items: AsyncIterable<Given> | Iterable<Given>): Promise<StoredSource> {
  const first = iterate(items);
  const { done, value } = await first.next();
  if (done) throw new QuantpipeError('data-invalid', `${NAME} hold no samples`);
  const schema = isBatch(value) ? value.schema : new Schema(columnsOfFeeds(value).map(sampleField));
  let isFresh = true;
  const batches = skippable(async function* () {
    const begun = isFresh;
    const rest = begun ? first : iterate(items);
    isFresh = false;
    try {
      if (begun) yield batchOf(value, schema);
      for (let next = await rest.next(); !next.done; next = await rest.next()) yield batchOf(next.value, schema);
    } finally {
      await rest.return?.();
    }
  });
  return { name: NAME, rows: null, schema, columns: columnsOf(schema, NAME), batches };
}

function iterate(items: AsyncIterable<Given> | Iterable<Given>): AsyncIterator<Given> {
  return (async function* () { for await (const item of items) yield isBatch(item) ? adoptBatch(item, NAME) : tensorsOf(item); })();
}

/** Feeds; tensors may be onnxruntime's own, which call their element type `type`. */
function tensorsOf(feeds: Feeds): Feeds {
  return Object.fromEntries(Object.entries(Object(feeds) as Feeds).map(([name, tensor]) => {
    const { dtype, type, dims, data } = Object(tensor) as Tensor & { readonly type?: Tensor['dtype'] };
    return [name, { dtype: dtype ?? type, dims, data } as Tensor];
  }));
}

function isBatch(item: Given): item is RecordBatch {
  const { schema, numRows } = Object(item) as Partial<RecordBatch>;
  return typeof numRows === 'number' && Array.isArray(schema?.fields);
}

/** Feeds of other columns than the first had, or of another type, are refused. */
function batchOf(item: Given, { fields }: Schema): RecordBatch {
  const schema = isBatch(item) ? item.schema : new Schema(columnsOfFeeds(item).map(sampleField));
  const show = (all: Schema['fields']) => all.map(({ name, type }) => `'${name}' ${String(type)}`).join(', ');
  if (show(schema.fields) !== show(fields)) throw new QuantpipeError('data-invalid', `${NAME} have the columns ${show(fields)} at first, and then ${show(schema.fields)}`);
  return isBatch(item) ? item : feedsBatch(item);
}

function columnsOfFeeds(feeds: Feeds): SampleColumn[] {
  const names = Object.keys(Object(feeds));
  if (names.length === 0) throw new QuantpipeError('data-invalid', `${NAME} hold something that is neither a record batch nor tensors by input name`);
  return names.map(name => {
    const tensor = feeds[name]!;
    const { dims } = checkTensor(Object(tensor) as Tensor, `${NAME}, '${name}'`);
    if (dims.length === 0) throw new QuantpipeError('data-invalid', `${NAME}, '${name}': a single number; its first axis must count samples`);
    return { name, dtype: tensor.dtype, rank: dims.length - 1 };
  });
}

function feedsBatch(feeds: Feeds): RecordBatch {
  const columns = columnsOfFeeds(feeds);
  const rows = feeds[columns[0]!.name]!.dims[0]!;
  const samples = columns.map(({ name }) => {
    const { dims: [count, ...shape], values } = checkTensor(feeds[name]!, `${NAME}, '${name}'`);
    if (count !== rows) throw new QuantpipeError('data-invalid', `${NAME}: '${columns[0]!.name}' has ${rows} samples, '${name}' has ${count}`);
    const size = elementCount(shape);
    return Array.from({ length: rows }, (_, row) => ({ shape, values: values.subarray(row * size, (row + 1) * size) }));
  });
  return samplesBatch(columns, samples);
}
