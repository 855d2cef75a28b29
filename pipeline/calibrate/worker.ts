import { findEncoding } from '../analyzers/index.ts';
import { check } from '../base/check.ts';
import { QuantpipeError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { feeds } from '../data/feeds.ts';
import { openEngine, type Session } from '../engine/index.ts';
import { Kernels } from '../kernels/kernels.ts';
import type { TensorStatistics } from '../observers/statistics.ts';
import type { Encoding } from '../quant/encoding.ts';
import { channelValues } from '../quant/granularity.ts';
import { movingBuffers, setupOfWorker } from './pool.ts';
import { type Encoded, type EncodeTask, type Observed, type ObserveTask, type ObservingSetup, type Reply, sendError, type Task } from './protocol.ts';

/** Kept between tasks: they hold nothing of a task's result. */
interface Kept {
  readonly kernels: Kernels;
  readonly session: Session | null;
}

const { observing } = setupOfWorker();
let kept: Promise<Kept> | null = null;

/** The entry of a worker thread: a pure function of its task. Failures are replies, because errors lose their class between threads. */
export default async function work(task: Task): Promise<Reply<Observed | Encoded>> {
  try {
    const { kernels, session } = await (kept ??= start(observing));
    if (task.kind === 'encode') return { ok: true, value: encodeTensor(kernels, task) };
    check(session !== null && observing !== null, 'a pool that observes has a model');
    const value = await observeBlock(kernels, session, observing, task);
    const buffers = value.tensors.flatMap(({ bins, counts }) => [bins.buffer, counts.buffer] as ArrayBuffer[]);
    return movingBuffers({ ok: true, value }, buffers);
  } catch (error) {
    return { ok: false, error: sendError(error) };
  }
}

async function start(setup: ObservingSetup | null): Promise<Kept> {
  const kernels = await Kernels.load();
  const session = setup === null ? null : await (await openEngine(setup.engine)).load(setup.model);
  return { kernels, session };
}

async function observeBlock(kernels: Kernels, session: Session, { taps, inputs, bindings }: ObservingSetup, { bytes }: ObserveTask): Promise<Observed> {
  let samples = 0;
  let tensors: TensorStatistics[] | null = null;
  for (const { rows, feeds: fed } of feeds(bytes, inputs, bindings)) {
    const outputs = await session.run(fed, taps);
    const seen = taps.map(tap => {
      const statistics = kernels.observe(float32Of(tap, outputs[tap]!));
      delete outputs[tap]; // dropped one at a time, so that the largest outputs do not live side by side with their copies
      return statistics;
    });
    tensors = tensors === null ? seen : tensors.map((before, i) => kernels.mergeStatistics(before, seen[i]!));
    samples += rows;
  }
  check(tensors !== null, 'a block has samples');
  return { samples, tensors };
}

function float32Of(tap: string, { dtype, data }: Tensor): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new QuantpipeError('op-unsupported', `'${tap}' is ${dtype}; only float32 tensors are observed`);
}

function encodeTensor(kernels: Kernels, { tensor, source, grid, scheme, options }: EncodeTask): Encoded {
  try {
    if (source.kind === 'statistics') return { encodings: [findEncoding(kernels, scheme, source, grid, options)] };
    const encodings: Encoding[] = [];
    for (let channel = 0; channel < source.split.channels; channel++) {
      encodings.push(findEncoding(kernels, scheme, { kind: 'values', values: channelValues(source.values, source.split, channel) }, grid, options));
    }
    return { encodings };
  } catch (cause) {
    if (!(cause instanceof QuantpipeError)) throw cause;
    throw new QuantpipeError(cause.code, `tensor '${tensor}': ${cause.message}`, cause.context, { cause });
  }
}
