import { ONNX_OPERATORS } from '../config/onnx-operators.ts';
import { type EngineName, openEngine } from '../engine/index.ts';
import type { Model } from '../graph/graph.ts';
import { openSession } from './open-session.ts';

/**
 * Calibration runs only what leads to the observed tensors, so a node after all of them is never seen by the engine. Where an operator is not of the
 * standard, find out beforehand whether the engine has it. What runs nothing (to encode statistics) does not ask: an engine elsewhere may have it.
 *
 * @throws `engine-failed` naming operator and node
 */
export async function checkLoads(model: Model, engine: EngineName | 'auto' = 'auto'): Promise<void> {
  if (model.graph.nodes.every(({ domain, opType }) => domain === '' && ONNX_OPERATORS.has(opType))) return;
  const session = await openSession(await openEngine(engine), model);
  await session.close();
}
