import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-common';

import { QuantpipeError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import type { Feeds, Session, SessionInput, SessionOptions } from './engine.ts';
import { dtypeOf, fromOrt, type TensorMaker, toOrt } from './tensors.ts';

/** What both onnxruntime packages offer; only engine/web.ts and engine/native.ts know where it comes from. */
export interface Ort extends TensorMaker {
  readonly InferenceSession: { create(model: Uint8Array, options?: InferenceSession.SessionOptions): Promise<InferenceSession> };
}

/** Only errors: what the engine has to say about a model that runs is not the user's concern. */
const LOG_ERRORS_ONLY = 3;

export async function openSession(ort: Ort, engine: string, model: Uint8Array, { fuseQuantized = true, optimize = 'all' }: SessionOptions = {}): Promise<Session> {
  let session: InferenceSession;
  try {
    session = await ort.InferenceSession.create(model, {
      graphOptimizationLevel: optimize,
      logSeverityLevel: LOG_ERRORS_ONLY,
      intraOpNumThreads: 1, // quantpipe runs one session a worker; threads inside would fight over the same processors
      interOpNumThreads: 1,
      extra: { session: { disable_quant_qdq: fuseQuantized ? '0' : '1' } },
    });
  } catch (cause) {
    throw new QuantpipeError('engine-failed', `the ${engine} engine cannot load the model: ${messageOf(cause)}`, {}, { cause });
  }
  return wrap(ort, engine, session);
}

function wrap(ort: Ort, engine: string, session: InferenceSession): Session {
  const inputs: SessionInput[] = session.inputMetadata.map(input => {
    if (!input.isTensor) throw new QuantpipeError('op-unsupported', `model input '${input.name}' is not a tensor`);
    return { name: input.name, dtype: dtypeOf(input.name, input.type), shape: input.shape.map(dim => dim === '' ? null : dim) };
  });
  return {
    inputs,
    outputs: session.outputNames,
    async run(feeds: Feeds, outputs?: readonly string[]): Promise<Record<string, Tensor>> {
      const fed = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(ort, name, tensor)]));
      let results: Readonly<Record<string, OrtTensor>>;
      try {
        results = await (outputs === undefined ? session.run(fed) : session.run(fed, [...outputs]));
      } catch (cause) {
        throw new QuantpipeError('engine-failed', `the ${engine} engine failed on a batch: ${messageOf(cause)}`, {}, { cause });
      }
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(name, tensor)]));
    },
    close: () => session.release(),
  };
}

/** The engine's own words on one line, without its source positions. */
function messageOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.replace(/\s+/g, ' ').replace(/\S*\/onnxruntime\/\S+:\d+ \S*\(.*?\) /g, '').trim();
}
