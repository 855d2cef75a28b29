import { closeSync, openSync, writeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';

/**
 * Which blocks were under way when a process ended: a line of text when a block begins and when it is done. A block that was under way
 * in every one of several ends is what ended them.
 *
 *   begin K    block K is given to a thread
 *   done K     it came back, or was set aside
 *   lost K N   block K was under way at the end of N processes before this one
 *
 * Written without a flush to disk: it must outlive the process, not the machine.
 */
export class Journal {
  /** Blocks under way when an earlier process ended, with the number of processes that ended so. */
  readonly lost: ReadonlyMap<number, number>;
  readonly #file: number;

  private constructor(lost: ReadonlyMap<number, number>, file: number) {
    this.lost = lost;
    this.#file = file;
  }

  /** @param next the first block that still matters; null to begin anew */
  static async open(path: string, next: number | null): Promise<Journal> {
    const earlier = next === null ? '' : await readFile(path, 'utf8').catch(() => '');
    const lost = new Map([...lostBlocks(earlier)].filter(([block]) => block >= (next ?? 0)));
    await writeFile(path, [...lost].map(([block, count]) => `lost ${block} ${count}\n`).join(''));
    return new Journal(lost, openSync(path, 'a'));
  }

  begin(block: number): void {
    writeSync(this.#file, `begin ${block}\n`);
  }

  done(block: number): void {
    writeSync(this.#file, `done ${block}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** A line that was cut off in the middle says nothing. */
function lostBlocks(text: string): Map<number, number> {
  const lost = new Map<number, number>();
  const begun = new Set<number>();
  for (const [, word, block, count] of text.matchAll(/^(begin|done|lost) (\d+)(?: (\d+))?\n/gm)) {
    const k = Number(block);
    if (word === 'lost') lost.set(k, Number(count));
    else if (word === 'begin') begun.add(k);
    else {
      begun.delete(k);
      lost.delete(k);
    }
  }
  for (const block of begun) lost.set(block, (lost.get(block) ?? 0) + 1);
  return lost;
}
