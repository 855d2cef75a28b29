import type { Model } from '../graph/graph.ts';
import type { Encoding } from '../quant/encoding.ts';
import { steps } from '../quant/grid.ts';
import type { EncodingTable, Placement } from './placement.ts';

/** Distance between the codes of the grids that the integer Softmax has: uint8 from end to end. */
const FULL_BYTE = 255;

/**
 * Encodings in which the delta of every Softmax output is one over a whole number, and with it those of the tensors that share its
 * encoding. onnxruntime's integer Softmax multiplies by floor(1 / scale): with another delta all its results come out too small, by up to
 * 0.4 %, and even the float32 nearest to 1/255 counts as 1/254. A delta grows by as much at most where the range ends at 1, which has 255 steps or
 * more. Where a Softmax shares its encoding with what reaches far beyond 1, there are few steps up to 1, and the delta grows by up to one in so many: the
 * engine's results would otherwise be too small by that. Part of encoding, so that files and models agree.
 *
 * @see onnxruntime, contrib_ops/cpu/quantization/qlinear_softmax.cc, ComputeInternal
 */
export function fitSoftmax({ graph }: Model, { quantizers }: Placement, encodings: EncodingTable): EncodingTable {
  const groups = new Set(quantizers.filter(({ tensor }) => graph.values.get(tensor)?.producer?.opType === 'Softmax').map(({ group }) => group));
  const fitted = quantizers.filter(({ group, grid }) => groups.has(group) && steps(grid) === FULL_BYTE)
    .map(({ tensor }) => [tensor, encodings.get(tensor)!.map(withReciprocalDelta)] as const);
  return new Map([...encodings, ...fitted]);
}

/** How near to a whole number 1 / delta must be to be taken for it. */
const NEAR = 1e-4;

function withReciprocalDelta(encoding: Encoding): Encoding {
  const whole = Math.floor(1 / encoding.delta + NEAR);
  if (whole < 1) return encoding;
  const delta = reciprocal(whole);
  return { ...encoding, delta, min: delta * encoding.offset, max: delta * (steps(encoding.grid) + encoding.offset) };
}

/** The float32 nearest to 1 / n whose own float32 reciprocal is not below n. */
function reciprocal(n: number): number {
  const bits = new Uint32Array(Float32Array.of(1 / n).buffer);
  const value = new Float32Array(bits.buffer);
  while (Math.fround(1 / value[0]!) < n) bits[0]!--;
  return value[0]!;
}
