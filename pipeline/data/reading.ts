import { createHash } from 'node:crypto';

import { stableJson } from '../base/stable-json.ts';
import type { BindOptions } from './bind.ts';
import type { Binding, Source } from './source.ts';

/**
 * A short hash of how samples are chosen and become what the model reads, the same wherever the data lie: names of files are no part of it, nor
 * are those of columns that nobody asked for (an .npy file's is the file's). Shards that were read in different ways are not of one data set.
 *
 * @param limit of a stream, which does not tell how many samples there are: of other data, their number says the same
 */
export function readingHash({ columns, selection = 'all' }: Pick<Source, 'columns' | 'selection'>, bindings: readonly Binding[], images: BindOptions['images'] = {}, limit: number | null = null): string {
  const bound = bindings.map(({ because, column, pad, ...binding }) => {
    const { dtype, shape } = columns.find(({ name }) => name === column)!;
    return { ...binding, column: because === 'option' ? column : null, pad: pad === undefined ? null : String(pad), dtype, shape };
  });
  return shortHash({ selection, bound, images, ...(limit !== null && { limit }) });
}

/** A short hash of what becomes of stored values before the model reads them, the same for one data set in every form. What was prepared in different ways does not add up. */
export function preparationHash(bindings: readonly Binding[], images: BindOptions['images'] = {}): string {
  return shortHash({ images, bound: bindings.map(({ input, preprocess, pad, isMask = false }) => ({ input, preprocess, pad: pad === undefined ? null : String(pad), isMask })) });
}

function shortHash(content: object): string {
  return createHash('sha256').update(stableJson(content)).digest('hex').slice(0, 12);
}
