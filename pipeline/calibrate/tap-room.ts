import { byteSize } from '../base/byte-size.ts';
import { peakMemory, restartPeakMemory } from '../base/peak-memory.ts';
import { elementCount, type Feeds } from '../base/tensor.ts';
import type { BlockFeeds, Feed } from '../data/index.ts';
import { countName } from '../passes/count-outputs.ts';
import { ALONE_GROWTH, COPIES, NOISE, PLANNED } from './memory-plan.ts';
import { NoRoom } from './no-room.ts';
import type { Learnt, Measured, ObservingSetup, RunLimits, TapSizes } from './protocol.ts';
import { groupTaps, type TapGroup } from './tap-groups.ts';
import type { TapSessions } from './tap-sessions.ts';

/** A sample with so many times the elements of what was measured may take more for computing than that tells: too little of it showed. */
const TRUSTED = 8;

/** How the taps of a block can be held. */
export interface Fit {
  readonly groups: readonly TapGroup[];
  /** Of the largest run, when all are held at once: each tap, and what computing takes beside them, in bytes. */
  readonly tapBytes: readonly number[];
  readonly runningBytes: number;
  /** What was measured for it; null where it was known. */
  readonly learnt: Learnt | null;
}

/** What is known of the largest runs. */
interface Known {
  /** Bytes that the taps of a run may have. */
  readonly most: number;
  readonly sizes: TapSizes;
  readonly runningBytes: number;
  readonly learnt: Learnt | null;
}

/** Finds out how much of a run can be held at once, and what runs take. */
export class TapRoom {
  readonly #setup: ObservingSetup;
  readonly #sessions: TapSessions;
  /** Of the largest run whose taps were counted. */
  #counted: TapSizes | null = null;

  constructor(setup: ObservingSetup, sessions: TapSessions) {
    this.#setup = setup;
    this.#sessions = sessions;
  }

  /**
   * The taps in groups that can be held, for every run of this block.
   *
   * @throws NoRoom where a run may take more than there is
   */
  async fit(fed: BlockFeeds, limits: RunLimits): Promise<Fit> {
    const elements = fed.largest();
    const { most, sizes, ...rest } = limits.isAlone ? await this.#alone(elements, fed, limits) : await this.#besideOthers(elements, fed, limits);
    const tapBytes = sizes.taps.map(count => 4 * count * Math.max(1, elements / sizes.elements));
    const largest = Math.max(...tapBytes);
    if (largest > most) throw tooLarge(this.#setup.taps[tapBytes.indexOf(largest)]!, largest, most);
    return { groups: groupTaps(tapBytes, most), tapBytes, ...rest };
  }

  /** What a run takes whose taps are counted and not held. */
  async measured(fed: Feed): Promise<Omit<Measured, 'samples'>> {
    await this.#sessions.ofGroup(NO_TAPS);
    const loadedBytes = process.memoryUsage.rss(), peakBefore = peakMemory();
    const sizes = await this.#count(fed);
    const peak = peakMemory();
    return { sizes, loadedBytes, peakBytes: peak > peakBefore ? peak : process.memoryUsage.rss() };
  }

  /** By what was measured, in proportion. Far beyond that, only where as much as all taps together may be in use beside them. */
  async #besideOthers(elements: number, fed: BlockFeeds, { bytes, running, known }: RunLimits): Promise<Known> {
    const runningBytes = running * elements, most = (bytes - runningBytes) / COPIES, sample = fed.largestSample();
    const isTrusted = sample <= TRUSTED * known.sample || (1 + COPIES) * worst(known, elements, sample) <= bytes;
    if (!isTrusted || most <= 0) throw new NoRoom('config-invalid', `samples of ${sample} input elements, of which ${known.sample} have been measured, may take more memory than there is beside others`);
    return { most, sizes: await this.#sizesFor(elements, most, fed, known), runningBytes, learnt: null };
  }

  /** The largest run of a block is measured, in a process that does nothing else. */
  async #alone(elements: number, fed: BlockFeeds, { bytes }: RunLimits): Promise<Known> {
    await this.#sessions.ofGroup(NO_TAPS);
    const peakBefore = peakMemory();
    restartPeakMemory(); // loading a model may take more than running it
    const { sizes, loadedBytes, peakBytes } = await this.measured(largestOf(fed, elements));
    const runningBytes = Math.max(0, peakBytes - loadedBytes);
    return { most: (bytes - loadedBytes - runningBytes - ALONE_GROWTH) / COPIES, sizes, runningBytes, learnt: { known: sizes, running: runningBytes / elements, loadedBytes, peakBytes: Math.max(peakBefore, peakBytes) } };
  }

  /** What is known of runs as large as this one. One larger than any before, which may not fit, is run once to count its taps without holding them. */
  async #sizesFor(elements: number, most: number, fed: BlockFeeds, measured: TapSizes): Promise<TapSizes> {
    const known = this.#counted !== null && this.#counted.sample > measured.sample ? this.#counted : measured, sample = fed.largestSample();
    if (sample <= known.sample || worst(known, elements, sample) <= most) return known;
    return (this.#counted = await this.#count(largestOf(fed, elements)));
  }

  async #count({ rows, feeds: fed }: Feed): Promise<TapSizes> {
    const names = this.#setup.taps.map(countName);
    const session = await this.#sessions.ofGroup(NO_TAPS);
    const outputs = await session.run(fed, names);
    const elements = elementsOf(fed);
    return { elements, sample: elements / rows, taps: names.map(name => Number(outputs[name]!.data[0])) };
  }
}

const NO_TAPS: TapGroup = { from: 0, to: 0 };

/** The first feeds of a block that have as many elements as its largest. */
function largestOf(fed: BlockFeeds, elements: number): Feed {
  for (const feed of fed) if (elementsOf(feed.feeds) === elements) return feed;
  throw new Error(`no feeds of ${elements} elements in a block whose largest have as many`);
}

function elementsOf(fed: Feeds): number {
  return Object.values(fed).reduce((sum, { dims }) => sum + elementCount(dims), 0);
}

/** Bytes of all taps at the most: as many more as there are samples, and where they are larger, as attention, with the square of that. */
function worst(known: TapSizes, elements: number, sample: number): number {
  return 4 * known.taps.reduce((sum, count) => sum + count, 0) * (elements / known.elements) * Math.max(1, sample / known.sample);
}

function tooLarge(tap: string, bytes: number, most: number): NoRoom {
  return new NoRoom('config-invalid', `on the largest of these samples '${tap}' has ${byteSize(bytes)}, and the memory budget leaves ${byteSize(Math.max(0, most))} for a tensor: allow about ${byteSize((bytes - most) * COPIES / PLANNED + NOISE)} more`, { tensor: tap });
}
