import { check } from '../base/check.ts';
import { QuantpipeError } from '../base/errors.ts';
import type { Feeds, Tensor } from '../base/tensor.ts';
import { BlockFeeds, type Feed } from '../data/index.ts';
import { openEngine } from '../engine/index.ts';
import { Kernels } from '../kernels/index.ts';
import type { TensorStatistics } from '../observers/statistics.ts';
import { type Discard, keepDiscarded, LARGEST_KEPT, openSink } from './discard.ts';
import { COPIES, KEPT } from './memory-plan.ts';
import { packStatistics } from './packed-statistics.ts';
import type { Answer, Measured, MeasureTask, Observed, ObserveTask, ObservingSetup, RunLimits } from './protocol.ts';
import type { TapGroup } from './tap-groups.ts';
import { type Fit, TapRoom } from './tap-room.ts';
import { TapSessions } from './tap-sessions.ts';
import type { TurnClock } from './turn-clock.ts';

/** What a thread keeps between blocks: sessions and kernels, loaded once, and what it learnt about sizes. Never results. */
export class BlockObserver {
  readonly #setup: ObservingSetup;
  readonly #kernels: Kernels;
  readonly #discard: Discard;
  readonly #sessions: TapSessions;
  readonly #room: TapRoom;
  /** Bytes of outputs that stay in the process when they are discarded, to be written to again, and what makes them stay. */
  #kept: { readonly bytes: number; readonly by: ArrayBufferView } | null = null;

  private constructor(setup: ObservingSetup, kernels: Kernels, discard: Discard, sessions: TapSessions) {
    this.#setup = setup;
    this.#kernels = kernels;
    this.#discard = discard;
    this.#sessions = sessions;
    this.#room = new TapRoom(setup, sessions);
  }

  static async open(setup: ObservingSetup | null): Promise<BlockObserver> {
    check(setup !== null, 'a pool that observes has a model');
    const [kernels, discard, engine] = await Promise.all([Kernels.load(), openSink(), openEngine(setup.engine)]);
    const sessions = new TapSessions(engine, setup);
    return new BlockObserver(setup, kernels, discard, sessions);
  }

  /** Statistics of every tap over one block of samples: group by group where the taps cannot all be held at once. */
  async observe({ bytes, limits }: ObserveTask, clock?: TurnClock): Promise<Answer<Observed>> {
    this.#sessions.clock = clock;
    let samples = 0;
    const tensors: TensorStatistics[] = [];
    this.#sessions.most = limits?.sessions ?? 1;
    const fed = this.#feeds(bytes, limits?.elements);
    const fit = limits === null ? null : await this.#room.fit(fed, limits);
    if (fit !== null) await this.#keep(fit, limits!);
    for (const group of fit?.groups ?? [this.#allTaps]) {
      const seen = await this.#observeGroup(group, fed, bytes);
      samples = seen.samples;
      tensors.push(...seen.tensors);
    }
    const packed = packStatistics(tensors);
    this.#discard(new Uint8Array(bytes), ...tensors.flatMap(({ bins, counts }) => [bins, counts]));
    return { value: { samples, tensors: packed, learnt: fit?.learnt ?? null }, moved: [packed.memory] };
  }

  /** What the smallest run takes: the first sample of the block, or as many as the model reads at a time. No tap is held for it. */
  async measure({ bytes }: MeasureTask, clock?: TurnClock): Promise<Answer<Measured>> {
    this.#sessions.clock = clock;
    for (const feed of this.#feeds(bytes, 1)) return { value: { samples: feed.rows, ...await this.#room.measured(feed) }, moved: [] };
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

  /** What is kept between runs: nothing any more once it may not fit, as what engine and allocator keep is up to twice what a run needs. */
  async #keep({ groups, tapBytes, runningBytes }: Fit, { bytes, isAlone = false }: RunLimits): Promise<void> {
    const isRoom = !isAlone && groups.length === 1 && runningBytes + KEPT * COPIES * sum(tapBytes) <= bytes;
    if (!isRoom) await this.#keepNothing();
    else if (this.#setup.engine === 'native' && this.#sessions.keepMemory) this.#keepDiscarded(sum(tapBytes.filter(size => size <= LARGEST_KEPT))); // the web build keeps its own memory
  }

  #keepDiscarded(bytes: number): void {
    if (bytes > (this.#kept?.bytes ?? 0)) this.#kept = { bytes, by: keepDiscarded(this.#discard, bytes) };
  }

  async #keepNothing(): Promise<void> {
    await this.#sessions.keepNothing();
    if (this.#kept !== null) this.#discard(this.#kept.by);
    this.#kept = null;
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
}

const sum = (sizes: readonly number[]) => sizes.reduce((all, size) => all + size, 0);

function float32Of(tap: string, { dtype, data }: Tensor): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new QuantpipeError('op-unsupported', `'${tap}' is ${dtype}; only float32 tensors are observed`, { tensor: tap });
}
