import { QuantpipeError } from '../base/errors.ts';
import type { Model } from '../graph/graph.ts';

/** Throw `op-unsupported` for a model that reads what no engine can be fed with: there is nothing to calibrate it on. */
export function refuseForeignInputs({ graph }: Model): void {
  const input = graph.inputs.find(({ foreignType, initializer }) => foreignType !== null && initializer === null);
  if (input === undefined) return;
  throw new QuantpipeError('op-unsupported',
    `model input '${input.name}' holds ${input.foreignType}, and no engine can be fed with that: export the model with an input of float32 (complex numbers as a last axis of 2)`,
    { input: input.name });
}
