import type { DType } from '../../pipeline/base/tensor.ts';
import { bindInputs, blocks, BlockFeeds, type Source } from '../../pipeline/data/index.ts';

/** What a model reads of one column: the values of each sample, and the shapes of the feeds. */
export interface ReadColumn {
  readonly samples: number[][];
  readonly dims: (readonly number[])[];
}

/** Read a column as a model with one input would: in blocks of 4, cut again into samples. */
export async function readColumn(source: Source, column: string, dtype: DType, shape: readonly (number | string)[]): Promise<ReadColumn> {
  const inputs = [{ name: 'in', dtype, shape }];
  const bindings = bindInputs(source, inputs, { inputs: { in: column } });
  const read: ReadColumn = { samples: [], dims: [] };
  for await (const block of blocks(source, { size: 4, columns: [column] })) {
    for (const { rows, feeds: { in: tensor } } of new BlockFeeds(block.bytes, inputs, bindings)) {
      const values = Array.from(tensor!.data as Float32Array, Number);
      const size = values.length / rows;
      for (let row = 0; row < rows; row++) read.samples.push(values.slice(row * size, (row + 1) * size));
      read.dims.push(tensor!.dims);
    }
  }
  return read;
}

/** The code of the error that `body` throws, and its message. */
export async function failure(body: () => Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await body();
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { code, message };
  }
  return { code: 'none', message: 'nothing was thrown' };
}
