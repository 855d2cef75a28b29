import { check } from '../base/check.ts';
import { QuantpipeError } from '../base/errors.ts';
import type { Kernels } from '../kernels/index.ts';
import { emptyStatistics, mergeStatistics } from '../observers/merge.ts';
import type { Statistics, TensorStatistics } from '../observers/statistics.ts';
import type { Outcome, SetAside } from './attempts.ts';
import type { ObservationState } from './checkpoint.ts';
import type { Discard } from './discard.ts';
import { nameNodes } from './name-nodes.ts';
import { unpackStatistics } from './packed-statistics.ts';
import type { Plan } from './plan.ts';
import type { Observed } from './protocol.ts';
import { tooMany, unreadableSample } from './readable-blocks.ts';

export interface ReducerOptions {
  readonly maxBad: number;
  readonly discard: Discard;
  /** What messages call a block. */
  readonly nameOf: (index: number) => string;
}

/** Adds up what comes back, block by block. */
export class Reducer {
  readonly #plan: Plan;
  readonly #kernels: Kernels;
  readonly #maxBad: number;
  readonly #discard: Discard;
  readonly #nameOf: (index: number) => string;
  #state: ObservationState;
  /** The first failure of this process. */
  #failure: QuantpipeError | null = null;

  constructor(plan: Plan, kernels: Kernels, resumed: ObservationState | null, { maxBad, discard, nameOf }: ReducerOptions) {
    this.#plan = plan;
    this.#kernels = kernels;
    this.#maxBad = maxBad;
    this.#discard = discard;
    this.#nameOf = nameOf;
    const last = resumed?.setAside.at(-1);
    if (last !== undefined && resumed!.setAside.length > maxBad) throw tooMany(resumed!.setAside.length, maxBad, new QuantpipeError(last.code as QuantpipeError['code'], last.message));
    this.#state = resumed ?? { statistics: emptyStatistics(plan.hash), next: 0, batches: 0, setAside: [] };
  }

  get state(): ObservationState {
    return this.#state;
  }

  /** @throws the block's error where more are set aside than may be */
  add(outcome: Outcome): void {
    const { index } = outcome, before = this.#state;
    try {
      this.#addParts(outcome);
    } catch (error) {
      this.#state = before; // a block counts whole or not at all
      throw error;
    }
    this.#state = { ...this.#state, next: index + 1 };
  }

  #addParts(outcome: Outcome): void {
    const { index } = outcome;
    for (const { sample, reason } of outcome.bad) this.#setAside({ index, sample }, unreadableSample({ sample, reason }));
    if (outcome.kind === 'set-aside') this.#setAside({ index }, outcome.error);
    if (outcome.kind === 'observed') this.#merge(outcome.observed);
  }

  #merge(observed: Observed): void {
    const { statistics, batches } = this.#state;
    const merged = mergeStatistics(this.#kernels, statistics, this.#asStatistics(observed));
    const replaced = [...statistics.tensors].filter(([name, tensor]) => merged.tensors.get(name) !== tensor);
    this.#discard(new Uint8Array(observed.tensors.memory), ...replaced.flatMap(([, tensor]) => ownArrays(tensor)));
    this.#state = { ...this.#state, statistics: merged, batches: batches + 1 };
  }

  /** @throws the first failure where no block could be observed */
  checkAny(): void {
    if (this.#state.batches === 0 && this.#failure !== null) throw this.#failure;
  }

  #setAside(what: Pick<SetAside, 'index' | 'sample'>, error: QuantpipeError): void {
    const { setAside } = this.#state;
    this.#failure ??= error;
    if (setAside.length >= this.#maxBad) {
      const named = what.sample === undefined ? new QuantpipeError(error.code, `${this.#nameOf(what.index)}: ${error.message}`, error.context, { cause: error }) : error;
      throw setAside.length === 0 ? named : tooMany(setAside.length + 1, this.#maxBad, named);
    }
    const { message, code } = nameNodes(error, this.#plan.model) as QuantpipeError;
    this.#state = { ...this.#state, setAside: [...setAside, { ...what, code, message }] };
  }

  #asStatistics({ samples, tensors }: Observed): Statistics {
    const { hash, taps } = this.#plan, known = this.#state.statistics.tensors;
    const seen = unpackStatistics(tensors);
    check(seen.length === taps.length, `statistics of ${seen.length} tensors for ${taps.length} taps`);
    return { model: hash, samples, shards: null, tensors: new Map(taps.map((tap, i) => [tap, known.has(tap) ? seen[i]! : copied(seen[i]!)])) };
  }
}

/** Statistics of a file are views of what was read. */
function ownArrays({ bins, counts }: TensorStatistics): (Uint16Array | BigUint64Array)[] {
  return [bins, counts].filter(({ byteLength, buffer }) => byteLength === buffer.byteLength);
}

/** What is taken over as it is must outlive the memory that it came in. */
function copied({ bins, counts, ...extremes }: TensorStatistics): TensorStatistics {
  return { ...extremes, bins: bins.slice(), counts: counts.slice() };
}
