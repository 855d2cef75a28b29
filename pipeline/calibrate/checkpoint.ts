import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';

import { writeAtomically } from '../base/atomic-file.ts';
import { QuantpipeError } from '../base/errors.ts';
import { stableJson } from '../base/stable-json.ts';
import { CHECKPOINT_KEY, readNotedStatistics, writeStatistics } from '../data/index.ts';
import type { Statistics } from '../observers/statistics.ts';
import type { SetAside } from './attempts.ts';
import { lockCheckpoint, removeCheckpoint } from './checkpoint-files.ts';
import { Journal } from './journal.ts';
import { Trail } from './trail.ts';

/** How far an observation has come: all that a resumed one needs. */
export interface ObservationState {
  readonly statistics: Statistics;
  /** The first block that is neither in the statistics nor set aside. */
  readonly next: number;
  /** Blocks that were observed. */
  readonly batches: number;
  readonly setAside: readonly SetAside[];
}

/** What an observation is of, by the words that messages use. Two with equal entries go through the same blocks. */
export type Identity = Readonly<Record<string, string>>;

export interface CheckpointOptions {
  /** The checkpoint's file; its journal and its lock lie beside it. */
  readonly path: string;
  /** Go on from the checkpoint that is there, if one is. Default false: begin anew. */
  readonly resume?: boolean;
  /** Seconds between two checkpoints. Default 30. */
  readonly everySeconds?: number;
  /** Whoever observes holds the lock already (`lockCheckpoint`), because the checkpoint is needed for longer. */
  readonly isLocked?: boolean;
}

/** Of what the note holds. A reader refuses any other. */
const FORMAT_VERSION = 4;
const SECONDS_BETWEEN = 30;

/**
 * Keeps an observation's state in a file: statistics in their own format (Arrow IPC), with the position, the identity of the work and
 * a checksum as a note. Written beside and renamed; a lock keeps a second run off, and a journal knows which blocks were under way
 * when a process ended.
 */
export class Checkpoint {
  readonly path: string;
  /** What a resumed observation starts from; null where there is nothing to resume. */
  readonly resumed: ObservationState | null;
  readonly journal: Journal;
  /** Of data that can be read once only. */
  readonly trail = new Trail();
  /** The trail as it was behind what `resumed` holds. */
  readonly resumedTrail: string | null;
  readonly #identity: Identity;
  readonly #everyMs: number;
  readonly #unlock: () => Promise<void>;
  #savedAt = performance.now();
  #saving: Promise<void> = Promise.resolve();
  #isThere: boolean;

  private constructor(parts: { path: string; resumed: Resumed | null; journal: Journal; identity: Identity; everySeconds: number; unlock: () => Promise<void> }) {
    this.path = parts.path;
    this.resumed = parts.resumed?.state ?? null;
    this.resumedTrail = parts.resumed?.trail ?? null;
    this.journal = parts.journal;
    this.#isThere = parts.resumed !== null;
    this.#identity = parts.identity;
    this.#everyMs = 1000 * parts.everySeconds;
    this.#unlock = parts.unlock;
  }

  /** @throws `checkpoint-mismatch` where it is of other work (saying what differs) or in use; `checkpoint-invalid` where it is malformed */
  static async open({ path, resume = false, everySeconds = SECONDS_BETWEEN, isLocked = false }: CheckpointOptions, identity: Identity): Promise<Checkpoint> {
    const unlock = isLocked ? async () => {} : await lockCheckpoint(path);
    try {
      const resumed = resume ? await load(path, identity) : null;
      if (resumed === null) await rm(path, { force: true });
      const journal = await Journal.open(`${path}.journal`, resume ? resumed?.state.next ?? 0 : null, hashOf(stableJson(identity))); // what ends the process may do so before the first checkpoint
      return new Checkpoint({ path, resumed, journal, identity, everySeconds, unlock });
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  /** Save the state when it is time. */
  async passing(state: ObservationState): Promise<void> {
    if (performance.now() - this.#savedAt >= this.#everyMs) await this.save(state);
  }

  /** One after the other, in the order in which it is asked for. */
  async save(state: ObservationState): Promise<void> {
    const bytes = encodeCheckpoint(state, this.#identity, this.trail.behind(state.next) ?? (state.next === this.resumed?.next ? this.resumedTrail : null));
    const saved = this.#saving.then(() => writeAtomically(this.path, bytes));
    this.#saving = saved.catch(() => {});
    await saved;
    this.#savedAt = performance.now();
    this.#isThere = true;
  }

  /** Let go of the files. The checkpoint stays, if there is one, and its journal with it. */
  async close(): Promise<void> {
    await this.#saving;
    this.journal.close();
    if (!this.#isThere) await removeCheckpoint(this.path);
    await this.#unlock();
  }
}

interface Note {
  readonly version: number;
  readonly identity: Identity;
  readonly next: number;
  readonly batches: number;
  readonly setAside: readonly SetAside[];
  /** See {@link Trail}; null where the data can be read again. */
  readonly trail: string | null;
  /** SHA-256 of all that is kept, hex. */
  readonly sum: string;
}

function encodeCheckpoint(state: ObservationState, identity: Identity, trail: string | null): Uint8Array {
  const { statistics, next, batches, setAside } = state;
  const note: Note = { version: FORMAT_VERSION, identity, next, batches, setAside, trail, sum: checksum(state) };
  return writeStatistics(statistics, 'file', { key: CHECKPOINT_KEY, text: stableJson(note) });
}

const hashOf = (...parts: readonly (string | Uint8Array)[]): string => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');

/** Of the statistics' own bytes and of how far they reach; the identity is compared entry by entry. */
const checksum = ({ statistics, next, batches, setAside }: ObservationState): string => hashOf(writeStatistics(statistics), stableJson({ next, batches, setAside }));

interface Resumed {
  readonly state: ObservationState;
  readonly trail: string | null;
}

async function load(path: string, identity: Identity): Promise<Resumed | null> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null;
    throw new QuantpipeError('file-unreadable', `cannot read the checkpoint '${path}': ${cause.message}`, {}, { cause });
  });
  if (bytes === null) return null;
  const { statistics, note } = readNotedStatistics(bytes, path, CHECKPOINT_KEY);
  const { version, identity: found, next, batches, setAside, trail, sum } = parseNote(note, path);
  if (version !== FORMAT_VERSION) throw mismatch(path, `it is of version ${version}, and this program writes version ${FORMAT_VERSION}`);
  const differing = [...new Set([...Object.keys(identity), ...Object.keys(found)])].filter(key => identity[key] !== found[key]);
  if (differing.length > 0) throw mismatch(path, differing.map(key => `the ${key} differs: ${found[key] ?? 'none'} then, ${identity[key] ?? 'none'} now`).join('; '));
  if (sum !== checksum({ statistics, next, batches, setAside })) throw new QuantpipeError('checkpoint-invalid', `the checkpoint '${path}' is damaged: its content does not have its checksum ${sum.slice(0, 12)}; begin without resuming`);
  return { state: { statistics, next, batches, setAside }, trail };
}

function parseNote(note: string | null, path: string): Note {
  const invalid = (fact: string) => new QuantpipeError('checkpoint-invalid', `'${path}' is no checkpoint: ${fact}`);
  if (note === null) throw invalid('it is a statistics file without a position');
  let parsed: Partial<Note>;
  try {
    parsed = JSON.parse(note) as Partial<Note>;
  } catch (cause) {
    throw invalid(`its note is not JSON: ${(cause as Error).message}`);
  }
  const isWhole = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  if (parsed === null || typeof parsed !== 'object' || !isWhole(parsed.version)) throw invalid('its note has no version');
  if (parsed.version === FORMAT_VERSION) {
    const isObject = typeof parsed.identity === 'object' && parsed.identity !== null;
    if (!isObject || !isWhole(parsed.next) || !isWhole(parsed.batches) || !Array.isArray(parsed.setAside) || (parsed.trail !== null && typeof parsed.trail !== 'string') || typeof parsed.sum !== 'string') throw invalid('its note lacks an entry');
  }
  return parsed as Note;
}

function mismatch(path: string, fact: string): QuantpipeError {
  return new QuantpipeError('checkpoint-mismatch', `the checkpoint '${path}' is of other work: ${fact}`, { file: path });
}
