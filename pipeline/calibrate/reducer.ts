import { check } from '../base/check.ts';
import { QuantpipeError } from '../base/errors.ts';
import type { Kernels } from '../kernels/kernels.ts';
import { emptyStatistics, mergeStatistics } from '../observers/merge.ts';
import type { Statistics, TensorStatistics } from '../observers/statistics.ts';
import type { Outcome } from './attempts.ts';
import type { ObservationState } from './checkpoint.ts';
import type { Discard } from './discard.ts';
import { nameNodes } from './name-nodes.ts';
import type { Plan } from './plan.ts';
import type { Observed } from './protocol.ts';

/** Adds up what comes back, block by block. */
export class Reducer {
  readonly #plan: Plan;
  readonly #kernels: Kernels;
  readonly #maxBad: number;
  readonly #discard: Discard;
  #state: ObservationState;
  /** The first failure of this process. */
  #failure: QuantpipeError | null = null;

  constructor(plan: Plan, kernels: Kernels, resumed: ObservationState | null, { maxBad, discard }: { readonly maxBad: number; readonly discard: Discard }) {
    this.#plan = plan;
    this.#kernels = kernels;
    this.#maxBad = maxBad;
    this.#discard = discard;
    this.#state = resumed ?? { statistics: emptyStatistics(plan.hash), next: 0, batches: 0, setAside: [] };
  }

  get state(): ObservationState {
    return this.#state;
  }

  /** @throws the block's error where more are set aside than may be */
  add(outcome: Outcome): void {
    if (outcome.kind === 'set-aside') return this.#setAside(outcome.index, outcome.error);
    const { statistics, batches } = this.#state;
    const seen = this.#asStatistics(outcome.observed);
    const merged = mergeStatistics(this.#kernels, statistics, seen);
    for (const { tensors } of [statistics, seen]) for (const [name, tensor] of tensors) if (merged.tensors.get(name) !== tensor) this.#discardTensor(tensor);
    this.#state = { ...this.#state, statistics: merged, batches: batches + 1, next: outcome.index + 1 };
  }

  /** @throws the first failure where no block could be observed */
  checkAny(): void {
    if (this.#state.batches === 0 && this.#failure !== null) throw this.#failure;
  }

  #setAside(index: number, error: QuantpipeError): void {
    const { setAside } = this.#state;
    this.#failure ??= error;
    if (setAside.length >= this.#maxBad) throw setAside.length === 0 ? error : tooMany(setAside.length + 1, this.#maxBad, error);
    const { message, code } = nameNodes(error, this.#plan.model) as QuantpipeError;
    this.#state = { ...this.#state, setAside: [...setAside, { index, code, message }], next: index + 1 };
  }

  /** Statistics of a file are views of what was read. */
  #discardTensor({ bins, counts }: TensorStatistics): void {
    for (const values of [bins, counts]) if (values.byteLength === values.buffer.byteLength) this.#discard(values);
  }

  #asStatistics({ samples, tensors }: Observed): Statistics {
    const { hash, taps } = this.#plan;
    check(tensors.length === taps.length, `statistics of ${tensors.length} tensors for ${taps.length} taps`);
    return { model: hash, samples, shards: null, tensors: new Map(taps.map((tap, i) => [tap, tensors[i]!])) };
  }
}

function tooMany(count: number, most: number, error: QuantpipeError): QuantpipeError {
  return new QuantpipeError(error.code, `${count} batches could not be observed, and at most ${most} may be set aside; the last: ${error.message}`, error.context, { cause: error });
}
