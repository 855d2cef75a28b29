import { createHash } from 'node:crypto';

import { QuantpipeError } from '../base/errors.ts';
import type { Block } from '../data/index.ts';

/**
 * What was read of data that comes once, as a stream: a hash that goes on from block to block. Of files a run that resumes can see beforehand whether they
 * are the same; of a stream, only when what was observed before passes by again.
 */
export class Trail {
  /** Behind each block that was read and is not yet kept for good. */
  readonly #behind = new Map<number, string>();

  /**
   * All blocks from `next` on. Those before them are read again.
   *
   * @param before what {@link behind} gave for `next`
   * @throws checkpoint-mismatch where the blocks before are not what they were, or are not there
   */
  async *follow(blocks: AsyncIterable<Block>, next: number, before: string | null): AsyncGenerator<Block> {
    let hash = '', isChecked = false;
    const check = () => {
      if (!isChecked && next > 0 && hash !== before) throw new QuantpipeError('checkpoint-mismatch', 'the checkpoint is of other work: the samples before those that are left differ from what was read then');
      isChecked = true;
    };
    for await (const block of blocks) {
      if (block.index >= next) check();
      hash = createHash('sha256').update(hash).update(new Uint8Array(block.bytes)).digest('hex');
      if (block.index < next) continue;
      this.#behind.set(block.index, hash);
      yield block;
    }
    check();
  }

  /** The hash of all blocks before block `next`, the last of which {@link follow} gave; null where it gave none. */
  behind(next: number): string | null {
    for (const index of this.#behind.keys()) if (index < next - 1) this.#behind.delete(index);
    return this.#behind.get(next - 1) ?? null;
  }
}
