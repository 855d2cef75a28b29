import { check } from '../base/check.ts';
import { QuantpipeError } from '../base/errors.ts';
import { elementCount, type Feeds, type SessionInput, type Tensor } from '../base/tensor.ts';
import { FIRST_SAMPLE_KEY, LEFT_OUT_KEY } from './blocks.ts';
import { castValues, fromFloat32, numbers, type Values } from './cast.ts';
import { columnRows, type ColumnRows } from './column-rows.ts';
import { maskRows, paddedRows } from './padded-rows.ts';
import { arrangedShape, preprocessSamples } from './preprocess.ts';
import { fromIpc } from './record-batches.ts';
import { fitSample, showShape, unflattened, type Fit } from './sample-shape.ts';
import type { Binding, Source } from './source.ts';

/** What one run of a session reads, and how many samples that is. */
export interface Feed {
  readonly rows: number;
  readonly feeds: Feeds;
}

/**
 * A block as what a session reads, feed by feed: each is made when it is asked for, and again whenever it is. All samples go into one feed where
 * every column has one shape throughout the block and the model's first dimension is free; a model with a fixed batch of b samples gets feeds
 * of b; all else goes sample by sample. The cut depends on the block alone, so it is the same for every worker and shard.
 */
export class BlockFeeds implements Iterable<Feed> {
  readonly #bound: readonly BoundInput[];
  readonly #count: number;
  /** Rows that go together. */
  readonly #most: number;

  /**
   * @param mostElements input elements in a feed at most: where all samples together have more, a feed takes as many as fit, at least one
   * @throws data-invalid where a sample's shape does not fit, or a fixed batch does not divide the block
   */
  constructor(bytes: ArrayBuffer, inputs: readonly SessionInput[], bindings: readonly Binding[], mostElements = Infinity) {
    const batch = fromIpc(bytes);
    const numberOf = sampleNumbers(batch.schema.metadata);
    this.#count = batch.numRows;
    this.#bound = inputs.map(input => {
      const binding = bindings.find(binding => binding.input === input.name);
      check(binding, `input '${input.name}' is bound`);
      return bind(input, binding, boundRows(columnRows(batch, binding.column, `column '${binding.column}'`), batch.numRows, binding, input), batch.numRows, numberOf);
    });
    this.#most = rowsPerFeed(this.#bound, batch.numRows, numberOf, mostElements);
  }

  *[Symbol.iterator](): Generator<Feed> {
    for (const { begin, rows } of this.#cut()) yield { rows, feeds: Object.fromEntries(this.#bound.map(input => [input.input.name, tensor(input, begin, rows)])) };
  }

  /** Input elements of the largest of these feeds; none is made for it. */
  largest(): number {
    let largest = 0;
    for (const { begin, rows } of this.#cut()) largest = Math.max(largest, rows * elementsOfSample(this.#bound, begin));
    return largest;
  }

  /** Input elements of the largest sample. */
  largestSample(): number {
    let largest = 0;
    for (let row = 0; row < this.#count; row++) largest = Math.max(largest, elementsOfSample(this.#bound, row));
    return largest;
  }

  *#cut(): Generator<{ readonly begin: number; readonly rows: number }> {
    for (let begin = 0; begin < this.#count; begin += this.#most) yield { begin, rows: Math.min(this.#most, this.#count - begin) };
  }
}

function boundRows(rows: ColumnRows, count: number, { pad, isMask, preprocess }: Binding, input: SessionInput): ColumnRows {
  const held = isMask ? maskRows(rows, count) : rows;
  const padded = pad === undefined ? held : paddedRows(held, count, isMask ? 0 : pad);
  return preprocess === null || !padded.isFlat ? padded : { ...padded, shapeOf: row => unflattened(padded.shapeOf(row), input.shape, { isFlat: true, preprocess }) };
}

/** How many samples the model reads at a time, where it fixes that; else 1. A block must hold a multiple of it. */
export function fixedBatch(inputs: readonly SessionInput[], source: Pick<Source, 'columns'>, bindings: readonly Binding[]): number {
  for (const { input: name, column: columnName, preprocess } of bindings) {
    const input = inputs.find(input => input.name === name);
    const column = source.columns.find(column => column.name === columnName);
    if (!input || !column) continue;
    const stored = unflattened(column.shape, input.shape, { ...column, preprocess });
    const fit = fitSample(preprocess ? arrangedShape(stored, preprocess) : stored, input.shape, column.isFlat);
    if (fit?.stacking === 'batch' && typeof input.shape?.[0] === 'number') return input.shape[0];
  }
  return 1;
}

interface BoundInput {
  readonly input: SessionInput;
  readonly binding: Binding;
  readonly rows: ColumnRows;
  /** How each row fits; one object for all of them where they have one shape. */
  readonly fits: readonly Fit[];
}

/** Where a block's rows stand in the data, as messages say it. */
function sampleNumbers(metadata: ReadonlyMap<string, string>): (row: number) => number {
  const first = Number(metadata.get(FIRST_SAMPLE_KEY) ?? 0), leftOut = (metadata.get(LEFT_OUT_KEY) ?? '').split(',').filter(Boolean).map(Number).sort((a, b) => a - b);
  return row => leftOut.reduce((number, other) => other <= number ? number + 1 : number, first + row);
}

function bind(input: SessionInput, binding: Binding, rows: ColumnRows, count: number, numberOf: (row: number) => number): BoundInput {
  const fits: Fit[] = [];
  let shape: readonly number[] | null = null;
  for (let row = 0; row < count; row++) {
    const next = rows.shapeOf(row);
    fits.push(shape !== null && sameShape(next, shape) ? fits.at(-1)! : fitRow(input, binding, rows, next, numberOf(row)));
    shape = next;
  }
  return { input, binding, rows, fits };
}

function fitRow(input: SessionInput, { column, preprocess }: Binding, rows: ColumnRows, shape: readonly number[], sample: number): Fit {
  const arranged = preprocess ? arrangedShape(shape, preprocess) : shape;
  const fit = fitSample(arranged, input.shape, rows.isFlat);
  if (fit) return fit;
  throw new QuantpipeError('data-invalid', `sample ${sample} of column '${column}' has shape ${showShape(arranged)}, the model's input '${input.name}' reads ${showShape(input.shape)}`, { sample });
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

function rowsPerFeed(bound: readonly BoundInput[], count: number, numberOf: (row: number) => number, mostElements: number): number {
  const isUniform = bound.every(({ fits }) => fits.every(fit => fit === fits[0] && fit.stacking === 'batch'));
  const free = isUniform ? count : 1;
  const fixed = bound.find(({ input, fits }) => fits[0]?.stacking === 'batch' && typeof input.shape?.[0] === 'number');
  if (!fixed) return Math.max(1, Math.min(free, Math.floor(mostElements / elementsOfSample(bound, 0))));
  const size = fixed.input.shape![0] as number;
  if (size === 1 || (isUniform && size > 0 && count % size === 0)) return size;
  const fact = isUniform ? `samples ${numberOf(0)} to ${numberOf(count - 1)} are ${count}` : 'the samples have different shapes';
  throw new QuantpipeError('data-invalid', `the model's input '${fixed.input.name}' reads ${size} samples at a time (${showShape(fixed.input.shape)}); ${fact}`, { sample: numberOf(0) });
}

/** Elements that a sample gives all inputs together. */
function elementsOfSample(bound: readonly BoundInput[], row: number): number {
  return bound.reduce((sum, { fits }) => sum + elementCount(fits[row]?.dims ?? []), 0);
}

function tensor({ input, binding, rows, fits }: BoundInput, begin: number, count: number): Tensor {
  const { stacking, dims } = fits[begin]!;
  const data = convert(rows, rows.values(begin, begin + count), count, rows.shapeOf(begin), input, binding);
  return { dtype: input.dtype, dims: stacking === 'batch' ? [count, ...dims] : dims, data };
}

function convert({ dtype }: ColumnRows, values: Values, count: number, shape: readonly number[], input: SessionInput, { column, preprocess }: Binding): Values {
  if (preprocess === null) return castValues(values, dtype, input.dtype, `column '${column}'`);
  return fromFloat32(preprocessSamples(numbers(values, dtype), count, shape, preprocess), input.dtype);
}
