import { QuantpipeError } from '../base/errors.ts';
import type { Placement } from '../config/placement.ts';
import type { Model } from '../graph/graph.ts';

/**
 * Refuse weights and biases that hold NaN or infinities: no code stands for them, so quantizing would change what the model computes without a word. Asked before
 * calibrating, which may take hours.
 *
 * @throws `op-unsupported` naming the tensor
 */
export function checkFiniteWeights({ graph }: Model, { quantizers, biases }: Placement): void {
  for (const { tensor } of [...quantizers, ...biases]) {
    const initializer = graph.values.get(tensor)?.initializer;
    if (!initializer) continue;
    const { data } = initializer.read();
    if (data instanceof Float32Array && !data.every(Number.isFinite)) throw notFinite(tensor, data);
  }
}

function notFinite(tensor: string, data: Float32Array): QuantpipeError {
  const nan = data.reduce((count, x) => count + (Number.isNaN(x) ? 1 : 0), 0);
  const infinite = data.reduce((count, x) => count + (Math.abs(x) === Infinity ? 1 : 0), 0);
  return new QuantpipeError('op-unsupported',
    `'${tensor}' holds ${nan} NaN and ${infinite} infinite values of ${data.length}, which no code can stand for: mend the model, or leave the tensor in float by an override, {"${tensor}": {"is_quantized": false}}`,
    { tensor });
}
