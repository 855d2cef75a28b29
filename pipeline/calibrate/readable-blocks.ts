import { QuantpipeError } from '../base/errors.ts';
import type { Block } from '../data/index.ts';

/** Blocks and samples that may be set aside unless the user says otherwise. */
export const MAX_BAD = 16;

/** The error of a sample that cannot be read. */
export function unreadableSample({ sample, reason }: Block['bad'][number]): QuantpipeError {
  return new QuantpipeError('data-invalid', `sample ${sample} cannot be read: ${reason}`, { sample });
}

/** More bad ones than may be set aside. */
export function tooMany(count: number, most: number, last: QuantpipeError): QuantpipeError {
  return new QuantpipeError(last.code, `${count} batches or samples could not be observed, and at most ${most} may be set aside; the last: ${last.message}`, last.context, { cause: last });
}

/**
 * The blocks that hold samples. Of samples that cannot be read `warn` is told; more than `most` are an error, and so is it when there are no others.
 */
export async function* readableBlocks(read: AsyncIterable<Block>, warn: (message: string) => void, most = MAX_BAD): AsyncGenerator<Block> {
  let bad = 0, good = 0, first: QuantpipeError | null = null;
  for await (const block of read) {
    for (const sample of block.bad) {
      const error = unreadableSample(sample);
      if (++bad > most) throw most === 0 ? error : tooMany(bad, most, error);
      first ??= error;
      warn(`left out: ${error.message}`);
    }
    good += block.rows;
    if (block.rows > 0) yield block;
  }
  if (good === 0 && first !== null) throw first;
}
