import type { Encoding } from './encoding.ts';
import { channelCount, type DividedTensor } from './granularity.ts';
import { steps } from './grid.ts';
import { channelMultiples } from './lpbq.ts';
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

/**
 * The delta of each weight channel that a bias counts with. Of a channel in blocks the largest; where blocks are whole multiples of one delta
 * (LPBQ) that one, in whose steps a runtime adds up.
 *
 * @see AIMET, its export of int32 bias encodings
 */
export function channelDeltas(weight: DividedTensor): readonly number[] {
  const { dims, granularity, encodings } = weight;
  if (granularity.kind !== 'block') return encodings.map(({ delta }) => delta);
  if (granularity.decompressedBitwidth !== null) return channelMultiples(weight, granularity.decompressedBitwidth).deltas;
  const channels = channelCount(dims, granularity);
  const blocks = encodings.length / channels;
  return Array.from({ length: channels }, (_, channel) =>
    encodings.slice(channel * blocks, (channel + 1) * blocks).reduce((most, { delta }) => Math.max(most, delta), 0));
}

/** Scales of a bias, one per weight channel. */
export function biasScales(input: Encoding, weight: DividedTensor): Float32Array {
  return Float32Array.from(channelDeltas(weight), delta => scaleOf(input) * Math.fround(delta));
}

export function quantizeBias(bias: Float32Array, input: Encoding, weight: DividedTensor): QuantizedBias {
  const scales = biasScales(input, weight);
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

/** Widest codes whose products runtimes add up in int32, and a bias with them. */
const WIDEST_IN_INT32 = 8;

/** The farthest that a code lies from that of zero. */
const reach = ({ offset, grid }: Encoding): number => Math.max(-offset, steps(grid) + offset);

/**
 * The largest code that a bias may have beside the sum of products that it is added to, whatever codes are multiplied. No products fill more
 * than half: the worst case of so long a sum (tens of thousands of products) does not come about.
 */
function roomForBias(outputs: number, input: Encoding, { dims, encodings }: DividedTensor): number {
  if (input.grid.bitwidth > WIDEST_IN_INT32 || encodings[0]!.grid.bitwidth > WIDEST_IN_INT32) return LARGEST;
  const products = dims.reduce((count, size) => count * size, 1) / outputs;
  const farthest = encodings.reduce((most, encoding) => Math.max(most, reach(encoding)), 0);
  return LARGEST - Math.min(products * farthest * reach(input), LARGEST / 2);
}

/**
 * Raise the delta of every weight channel whose step would be too small for its bias: |bias| and the sum of products must fit 31 bits of
 * steps together. Happens where a channel's weights are (nearly) zero and its bias is not. Of a channel in blocks only the block with the largest delta is raised, which alone
 * counts; of LPBQ all are, by one factor. Returns the encodings themselves where all fit.
 *
 * @see AIMET, _adjust_weight_scale_against_bias_overflow, which leaves no room for the products
 */
export function fitWeightsToBias(bias: Float32Array, input: Encoding, weight: DividedTensor): readonly Encoding[] {
  const { encodings, granularity } = weight;
  const deltas = channelDeltas(weight);
  const largest = new Float64Array(deltas.length);
  bias.forEach((value, i) => { largest[i % deltas.length] = Math.max(largest[i % deltas.length]!, Math.abs(value)); });
  const room = roomForBias(bias.length, input, weight);
  const needed = deltas.map((delta, channel) => Math.max(delta, largest[channel]! * ROUNDING_ROOM / (room * scaleOf(input))));
  if (needed.every((delta, channel) => delta === deltas[channel])) return encodings;
  const blocks = encodings.length / deltas.length;
  const isMultiple = granularity.kind === 'block' && granularity.decompressedBitwidth !== null;
  return encodings.map((encoding, i) => {
    const channel = Math.floor(i / blocks);
    const [delta, least] = [deltas[channel]!, needed[channel]!];
    if (least === delta || (!isMultiple && encoding.delta < delta)) return encoding;
    return withDelta(encoding, isMultiple ? encoding.delta / delta * least : least);
  });
}

function withDelta(encoding: Encoding, delta: number): Encoding {
  return { ...encoding, delta, min: delta * encoding.offset, max: delta * (steps(encoding.grid) + encoding.offset) };
}
