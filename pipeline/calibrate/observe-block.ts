import { check } from '../base/check.ts';
import { QuantpipeError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { type Feed, feeds } from '../data/feeds.ts';
import { openEngine, type Session } from '../engine/index.ts';
import { Kernels } from '../kernels/kernels.ts';
import type { TensorStatistics } from '../observers/statistics.ts';
import { type Discard, openSink } from './discard.ts';
import type { Answer, Observed, ObserveTask, ObservingSetup } from './protocol.ts';

/** What a thread keeps between blocks. */
interface Observer {
  readonly taps: readonly string[];
  readonly kernels: Kernels;
  readonly session: Session;
  readonly discard: Discard;
}

/** Load model and kernels once; the function returned observes one block of samples. */
export async function blockObserver(setup: ObservingSetup | null): Promise<(task: ObserveTask) => Promise<Answer<Observed>>> {
  check(setup !== null, 'a pool that observes has a model');
  const { taps, inputs, bindings } = setup;
  const [kernels, discard, engine] = await Promise.all([Kernels.load(), openSink(), openEngine(setup.engine)]);
  const observer = { taps, kernels, discard, session: await engine.load(setup.model) };
  return async ({ bytes }) => {
    let samples = 0;
    let tensors: readonly TensorStatistics[] | null = null;
    for (const feed of feeds(bytes, inputs, bindings)) {
      const seen = await observeFeed(observer, feed);
      tensors = tensors === null ? seen : tensors.map((before, i) => kernels.mergeStatistics(before, seen[i]!));
      samples += feed.rows;
    }
    check(tensors !== null, 'a block has samples');
    return { value: { samples, tensors }, moved: tensors.flatMap(({ bins, counts }) => [bins.buffer, counts.buffer] as ArrayBuffer[]) };
  };
}

/** Statistics of every tap, in the order of the taps. Outputs are observed one at a time, and their memory is given back at once. */
async function observeFeed({ taps, kernels, session, discard }: Observer, { feeds }: Feed): Promise<TensorStatistics[]> {
  const outputs = await session.run(feeds, taps);
  return taps.map(tap => {
    const values = float32Of(tap, outputs[tap]!);
    const statistics = kernels.observe(values);
    discard(values);
    return statistics;
  });
}

function float32Of(tap: string, { dtype, data }: Tensor): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new QuantpipeError('op-unsupported', `'${tap}' is ${dtype}; only float32 tensors are observed`, { tensor: tap });
}
