import { closeSync, openSync, writeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';

import { unwritable } from '../base/atomic-file.ts';

/**
 * Which blocks were under way when a process ended: a line of text when a block begins and when it is done.
 *
 *   of WORK    which work this is a journal of: the first line; that of other work says nothing
 *   begin K    block K is given to a thread, or was under way at the end of a process before this one
 *   done K     it came back, or was set aside
 *
 * Written without a flush to disk: it must outlive the process, not the machine.
 */
export class Journal {
  /** Blocks under way when an earlier process ended. */
  readonly lost: ReadonlySet<number>;
  readonly #path: string;
  readonly #file: number;

  private constructor(lost: ReadonlySet<number>, path: string, file: number) {
    this.lost = lost;
    this.#path = path;
    this.#file = file;
  }

  /**
   * @param next the first block that still matters; null to begin anew
   * @param work a word for the work, without spaces
   * @throws `output-unwritable`, as each of its lines does
   */
  static async open(path: string, next: number | null, work: string): Promise<Journal> {
    const earlier = next === null ? '' : await readFile(path, 'utf8').catch(() => '');
    const head = `of ${work}\n`;
    const lost = new Set([...lostBlocks(earlier.startsWith(head) ? earlier : '')].filter(block => block >= (next ?? 0)));
    try {
      await writeFile(path, head + [...lost].map(beginning).join(''));
      return new Journal(lost, path, openSync(path, 'a'));
    } catch (cause) {
      throw unwritable(path, cause);
    }
  }

  begin(block: number): void {
    this.#write(beginning(block));
  }

  done(block: number): void {
    this.#write(`done ${block}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(line: string): void {
    try {
      writeSync(this.#file, line);
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
  }
}

const beginning = (block: number): string => `begin ${block}\n`;

/** A line that was cut off in the middle says nothing. */
function lostBlocks(text: string): Set<number> {
  const begun = new Set<number>();
  for (const [, word, block] of text.matchAll(/^(begin|done) (\d+)\n/gm)) {
    if (word === 'begin') begun.add(Number(block));
    else begun.delete(Number(block));
  }
  return begun;
}
