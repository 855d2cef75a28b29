// float16 and bfloat16 to and from float32. Both are held as bit patterns, in a Uint16Array.

import type { Tensor } from './tensor.ts';

/** Exponent and NaN boundary of float32, as bits. */
const INFINITY = 0x7f800000;

/** Exact: every half has a float32. A NaN keeps its sign and payload. */
export function floatsFromHalves(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i]!;
    const sign = (half & 0x8000) << 16, exponent = (half >> 10) & 31, mantissa = half & 0x3ff;
    if (exponent === 0) {
      floats[i] = mantissa * 2 ** -24;
      bits[i]! |= sign;
    } else {
      bits[i] = sign | (exponent === 31 ? INFINITY : (exponent + 112) << 23) | (mantissa << 13);
    }
  }
  return floats;
}

/** Rounds to the nearest half, ties to even; what is too large becomes infinite. NaN stays NaN. */
export function halvesFromFloats(floats: Float32Array): Uint16Array {
  const halves = new Uint16Array(floats.length);
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let i = 0; i < bits.length; i++) halves[i] = ((bits[i]! >>> 16) & 0x8000) | halfMagnitude(bits[i]! & 0x7fffffff);
  return halves;
}

/** The lower 15 bits of the half nearest to a float32 that is not negative, given by its bits. */
function halfMagnitude(bits: number): number {
  if (bits > INFINITY) return 0x7e00 | ((bits >> 13) & 0x1ff);
  if (bits >= 0x47800000) return 0x7c00;                    // 2^16: beyond all halves; what rounds up to it does so below
  const rebased = bits - 0x38000000;                        // exponent bias 127 to 15
  if (rebased >= 0x800000) return (rebased + 0xfff + ((rebased >> 13) & 1)) >> 13;
  const shift = 126 - (bits >> 23);                         // subnormal: units of 2^-24
  if (shift > 24) return 0;
  const mantissa = (bits & 0x7fffff) | 0x800000;
  return (mantissa + (1 << (shift - 1)) - 1 + ((mantissa >> shift) & 1)) >> shift;
}

/** Exact: a bfloat16 is the upper half of a float32. */
export function floatsFromBfloat16(halves: Uint16Array): Float32Array {
  const bits = Uint32Array.from(halves, half => half << 16);
  return new Float32Array(bits.buffer);
}

/** Rounds to the nearest bfloat16, ties to even. NaN stays NaN. */
export function bfloat16FromFloats(floats: Float32Array): Uint16Array {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  return Uint16Array.from(bits, x => (x & 0x7fffffff) > INFINITY ? (x >>> 16) | 0x40 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16);
}

/** The values of a tensor of any float type as float32, not copied where they are; null for what holds no floats. */
export function float32Values({ dtype, data }: Tensor): Float32Array | null {
  switch (dtype) {
    case 'float32': return data as Float32Array;
    case 'float16': return floatsFromHalves(data as Uint16Array);
    case 'bfloat16': return floatsFromBfloat16(data as Uint16Array);
    case 'float64': return Float32Array.from(data as Float64Array);
    default: return null;
  }
}
