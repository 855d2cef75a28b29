import type { Encoding } from './encoding.ts';
import { steps } from './grid.ts';
import { roundHalfEven, scaleOf } from './stored.ts';

/**
 * An int32 bias is added to sums of products of codes, so its step is the product of the steps: input delta × weight delta, in
 * float32. Element i belongs to weight channel i mod channels (a transposed convolution's groups share their weight channels).
 */
export interface QuantizedBias {
  readonly codes: Int32Array;
  /** One per weight channel. */
  readonly scales: Float32Array;
}

const LARGEST = 2 ** 31 - 1;

/** Scales of a bias, one per weight channel. */
export function biasScales(input: Encoding, weights: readonly Encoding[]): Float32Array {
  return Float32Array.from(weights, weight => scaleOf(input) * scaleOf(weight));
}

export function quantizeBias(bias: Float32Array, input: Encoding, weights: readonly Encoding[]): QuantizedBias {
  const scales = biasScales(input, weights);
  const codes = Int32Array.from(bias, (value, i) => {
    const code = roundHalfEven(value / scales[i % scales.length]!);
    return Math.max(-LARGEST - 1, Math.min(LARGEST, code));
  });
  return { codes, scales };
}

/** What DequantizeLinear makes of int32 codes: each code becomes a float32, then one float32 product. */
export function dequantizeBias({ codes, scales }: QuantizedBias): Float32Array {
  return Float32Array.from(codes, (code, i) => Math.fround(code) * scales[i % scales.length]!);
}

/** Rounding of the scales to float32 may take this much away; the guard leaves room for it. */
const ROUNDING_ROOM = 1 + 2 ** -20;

/**
 * Raise the delta of every weight channel whose step would be too small for its bias: |bias| must fit 31 bits of steps. Happens where a
 * channel's weights are (nearly) zero and its bias is not. Returns `weights` itself where all fit.
 *
 * @see AIMET, _adjust_weight_scale_against_bias_overflow
 */
export function fitWeightsToBias(bias: Float32Array, input: Encoding, weights: readonly Encoding[]): readonly Encoding[] {
  const largest = new Float64Array(weights.length);
  bias.forEach((value, i) => { largest[i % weights.length] = Math.max(largest[i % weights.length]!, Math.abs(value)); });
  const fitted = weights.map((weight, channel) => {
    const needed = largest[channel]! * ROUNDING_ROOM / (LARGEST * scaleOf(input));
    return needed <= weight.delta ? weight : withDelta(weight, needed);
  });
  return fitted.every((encoding, channel) => encoding === weights[channel]) ? weights : fitted;
}

function withDelta(encoding: Encoding, delta: number): Encoding {
  return { ...encoding, delta, min: delta * encoding.offset, max: delta * (steps(encoding.grid) + encoding.offset) };
}
