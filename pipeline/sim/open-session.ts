import { rm } from 'node:fs/promises';

import { nameNodes } from '../calibrate/name-nodes.ts';
import { WEIGHTS } from '../calibrate/plan.ts';
import { weightsFolder } from '../calibrate/weights-folder.ts';
import type { Engine, Session, SessionOptions } from '../engine/index.ts';
import type { Model } from '../graph/graph.ts';
import { modelParts, needsParts, writeModel } from '../onnx/write-model.ts';

/**
 * Load a model into an engine. One too large for a file has its weights in a temporary folder, until the session is closed.
 *
 * @param inParts whether it is; default where it must
 */
export async function openSession(engine: Engine, model: Model, options: SessionOptions = {}, { inParts = needsParts(model) } = {}): Promise<Session> {
  const failed = (error: unknown): never => { throw nameNodes(error, model); };
  if (!inParts) return engine.load(writeModel(model), options).catch(failed);
  const { model: bytes, weights } = modelParts(model, WEIGHTS);
  const folder = await weightsFolder(weights);
  const remove = () => rm(folder, { recursive: true, force: true });
  const session = await engine.load(bytes, { ...options, folder }).catch(async error => {
    await remove();
    return failed(error);
  });
  return {
    inputs: session.inputs,
    outputs: session.outputs,
    run: (feeds, outputs) => session.run(feeds, outputs),
    close: () => session.close().finally(remove),
  };
}
