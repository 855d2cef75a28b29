// IEEE 754 binary16 as bit patterns in integers: 1 sign bit, 5 exponent bits (bias 15), 10 mantissa bits.

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The number that a float16 bit pattern stands for; exact. */
export function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f, mantissa = half & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** The bit pattern of the float16 nearest to a float32, ties to even; beyond 65,504 it is an infinity. */
export function floatToHalf(value: number): number {
  float[0] = value;
  const sign = (bits[0]! >>> 16) & 0x8000;
  const magnitude = Math.abs(float[0]!);
  if (Number.isNaN(magnitude)) return sign | 0x7e00;
  if (magnitude >= 65_520) return sign | 0x7c00; // half a step above the largest finite one
  if (magnitude < 2 ** -14) return sign | roundHalfEven(magnitude * 2 ** 24); // subnormal: a multiple of 2^-24; may round up to the first normal one
  const exponent = ((bits[0]! >>> 23) & 0xff) - 127;
  return sign | (((exponent + 15) << 10) + roundHalfEven((magnitude / 2 ** exponent - 1) * 1024)); // a carry runs into the exponent, as it should
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value), rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
