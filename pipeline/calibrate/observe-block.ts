import { byteSize } from '../base/byte-size.ts';
import { check } from '../base/check.ts';
import { QuantpipeError } from '../base/errors.ts';
import { peakMemory } from '../base/peak-memory.ts';
import { elementCount, type Feeds, type Tensor } from '../base/tensor.ts';
import { BlockFeeds, type Feed } from '../data/index.ts';
import { openEngine } from '../engine/index.ts';
import { Kernels } from '../kernels/index.ts';
import type { TensorStatistics } from '../observers/statistics.ts';
import { countName } from '../passes/count-outputs.ts';
import { type Discard, keepDiscarded, LARGEST_KEPT, openSink } from './discard.ts';
import { COPIES, PLANNED } from './memory-plan.ts';
import { NoRoom } from './no-room.ts';
import { packStatistics } from './packed-statistics.ts';
import type { Answer, Measured, MeasureTask, Observed, ObserveTask, ObservingSetup, RunLimits, TapSizes } from './protocol.ts';
import { groupTaps, type TapGroup } from './tap-groups.ts';
import { TapSessions } from './tap-sessions.ts';

/** What a thread keeps between blocks: sessions and kernels, loaded once, and what it learnt about sizes. Never results. */
export class BlockObserver {
  readonly #setup: ObservingSetup;
  readonly #kernels: Kernels;
  readonly #discard: Discard;
  readonly #sessions: TapSessions;
  /** Bytes of outputs that stay in the process when they are discarded, to be written to again, and what makes them stay. */
  #kept: { readonly bytes: number; readonly by: ArrayBufferView } | null = null;
  /** Of the largest run so far. */
  #known: TapSizes | null = null;

  private constructor(setup: ObservingSetup, kernels: Kernels, discard: Discard, sessions: TapSessions) {
    this.#setup = setup;
    this.#kernels = kernels;
    this.#discard = discard;
    this.#sessions = sessions;
  }

  static async open(setup: ObservingSetup | null): Promise<BlockObserver> {
    check(setup !== null, 'a pool that observes has a model');
    const [kernels, discard, engine] = await Promise.all([Kernels.load(), openSink(), openEngine(setup.engine)]);
    const sessions = new TapSessions(engine, setup);
    return new BlockObserver(setup, kernels, discard, sessions);
  }

  /** Statistics of every tap over one block of samples: group by group where the taps cannot all be held at once. */
  async observe({ bytes, limits }: ObserveTask): Promise<Answer<Observed>> {
    let samples = 0;
    const tensors: TensorStatistics[] = [];
    this.#sessions.most = limits?.sessions ?? 1;
    this.#sessions.keepMemory = limits?.keepMemory ?? true;
    const fed = this.#feeds(bytes, limits?.elements);
    for (const group of limits === null ? [this.#allTaps] : await this.#groups(fed, limits)) {
      const seen = await this.#observeGroup(group, fed, bytes);
      samples = seen.samples;
      tensors.push(...seen.tensors);
    }
    if (limits?.isAlone) await this.#sessions.close(); // the others would miss what the engine keeps of such a run
    const packed = packStatistics(tensors);
    this.#discard(new Uint8Array(bytes), ...tensors.flatMap(({ bins, counts }) => [bins, counts]));
    return { value: { samples, tensors: packed }, moved: [packed.memory] };
  }

  /** What the smallest run takes: the first sample of the block, or as many as the model reads at a time. No tap is held for it. */
  async measure({ bytes }: MeasureTask): Promise<Answer<Measured>> {
    await this.#sessions.ofGroup(NO_TAPS);
    for (const { rows, feeds } of this.#feeds(bytes, 1)) return { value: { samples: rows, ...await this.#measured(feeds) }, moved: [] };
    throw new QuantpipeError('data-invalid', 'a block without samples');
  }

  async #observeGroup(group: TapGroup, fed: Iterable<Feed>, bytes: ArrayBuffer): Promise<{ readonly samples: number; readonly tensors: readonly TensorStatistics[] }> {
    const taps = this.#setup.taps.slice(group.from, group.to);
    const session = await this.#sessions.ofGroup(group);
    let samples = 0;
    let tensors: readonly TensorStatistics[] | null = null;
    for (const { rows, feeds } of fed) {
      const seen = this.#statistics(await session.run(feeds, taps), taps);
      this.#discardConverted(feeds, bytes);
      tensors = tensors === null ? seen : tensors.map((before, i) => this.#kernels.mergeStatistics(before, seen[i]!));
      samples += rows;
    }
    check(tensors !== null, 'a block has samples');
    return { samples, tensors };
  }

  /** Outputs are observed one at a time, and their memory is given back at once. */
  #statistics(outputs: Readonly<Record<string, Tensor>>, taps: readonly string[]): TensorStatistics[] {
    return taps.map(tap => {
      const values = float32Of(tap, outputs[tap]!);
      const statistics = this.#kernels.observe(values);
      this.#discard(values);
      return statistics;
    });
  }

  /** The web build keeps its own memory. @param elements of the largest run */
  #keepDiscarded(elements: number, { keepMemory, known }: RunLimits): void {
    if (this.#setup.engine !== 'native' || !keepMemory) return;
    const outputs = known.taps.map(count => 4 * count * elements / known.elements);
    const bytes = outputs.filter(size => size <= LARGEST_KEPT).reduce((sum, size) => sum + size, 0);
    if (bytes > (this.#kept?.bytes ?? 0)) this.#kept = { bytes, by: keepDiscarded(this.#discard, bytes) };
  }

  /** Inputs may also be views of the block itself, which is read again for the next group. */
  #discardConverted(fed: Feeds, bytes: ArrayBuffer): void {
    for (const { data } of Object.values(fed)) if (!Array.isArray(data) && data.buffer !== bytes && data.byteLength === data.buffer.byteLength) this.#discard(data);
  }

  #feeds(bytes: ArrayBuffer, elements?: number): BlockFeeds {
    const { inputs, bindings } = this.#setup;
    return new BlockFeeds(bytes, inputs, bindings, elements);
  }

  get #allTaps(): TapGroup {
    return { from: 0, to: this.#setup.taps.length };
  }

  /** The taps in groups that can be held, for every run of this block. */
  async #groups(fed: BlockFeeds, limits: RunLimits): Promise<TapGroup[]> {
    const { taps } = this.#setup;
    const elements = fed.largest();
    const [most, known] = limits.isAlone ? await this.#alone(elements, fed, limits) : await this.#besideOthers(elements, fed, limits);
    const tapBytes = known.taps.map(count => 4 * count * Math.max(1, elements / known.elements));
    const largest = Math.max(...tapBytes);
    if (largest > most) throw tooLarge(taps[tapBytes.indexOf(largest)]!, largest, most);
    if (!limits.isAlone) this.#keepDiscarded(elements, limits);
    return groupTaps(tapBytes, most);
  }

  /** Bytes that the taps of a run may have, and what is known of them: by what the first samples took, in proportion. */
  async #besideOthers(elements: number, fed: BlockFeeds, { bytes, running, known }: RunLimits): Promise<[most: number, known: TapSizes]> {
    const most = (bytes - running * elements) / COPIES;
    return [most, await this.#knownFor(elements, most, fed, known)];
  }

  /** The same of the largest run of a block that nothing else runs beside: it is measured. */
  async #alone(elements: number, fed: BlockFeeds, { bytes }: RunLimits): Promise<[most: number, known: TapSizes]> {
    for (const { feeds } of fed) {
      if (elementsOf(feeds) < elements) continue;
      const { sizes, loadedBytes, peakBytes } = await this.#measured(feeds);
      return [(bytes - Math.max(0, peakBytes - loadedBytes)) / COPIES, sizes];
    }
    throw new QuantpipeError('data-invalid', 'a block without samples');
  }

  /** What a run takes whose taps are counted and not held. */
  async #measured(fed: Feeds): Promise<Pick<Measured, 'sizes' | 'loadedBytes' | 'peakBytes'>> {
    const loadedBytes = process.memoryUsage.rss(), peakBefore = peakMemory();
    const sizes = await this.#count(fed);
    const peak = peakMemory();
    return { sizes, loadedBytes, peakBytes: peak > peakBefore ? peak : process.memoryUsage.rss() };
  }

  /** What is known of runs as large as this one. One larger than any before, which may not fit, is run once to count its taps without holding them. */
  async #knownFor(elements: number, most: number, fed: Iterable<Feed>, first: TapSizes): Promise<TapSizes> {
    const known = this.#known ?? first;
    if (elements <= known.elements || worst(known, elements) <= most) return known;
    for (const { feeds } of fed) {
      if (elementsOf(feeds) === elements) return (this.#known = await this.#count(feeds));
    }
    return known;
  }

  async #count(fed: Feeds): Promise<TapSizes> {
    const { taps } = this.#setup;
    const names = taps.map(countName);
    const session = await this.#sessions.ofGroup(NO_TAPS);
    const outputs = await session.run(fed, names);
    return { elements: elementsOf(fed), taps: names.map(name => Number(outputs[name]!.data[0])) };
  }
}

const NO_TAPS: TapGroup = { from: 0, to: 0 };

function elementsOf(fed: Feeds): number {
  return Object.values(fed).reduce((sum, { dims }) => sum + elementCount(dims), 0);
}

/** Bytes of all taps at the most: attention grows with the square of a length. */
function worst({ elements, taps }: TapSizes, now: number): number {
  return 4 * taps.reduce((sum, count) => sum + count, 0) * (now / elements) ** 2;
}

function tooLarge(tap: string, bytes: number, most: number): NoRoom {
  return new NoRoom('config-invalid', `on the largest of these samples '${tap}' has ${byteSize(bytes)}, and the memory budget leaves ${byteSize(Math.max(0, most))} for a tensor: allow about ${byteSize((bytes - most) * COPIES / PLANNED)} more`, { tensor: tap });
}

function float32Of(tap: string, { dtype, data }: Tensor): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new QuantpipeError('op-unsupported', `'${tap}' is ${dtype}; only float32 tensors are observed`, { tensor: tap });
}
