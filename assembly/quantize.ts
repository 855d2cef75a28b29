// Quantize to stored integers: QuantizeLinear of ONNX in float32, to the bit.
//
// Layout   values: f32[count] in. codes: count stored integers of 1 byte (quantize8) or 2 bytes (quantize16), signed or not:
//          only the low bits are stored, so that one kernel serves both. They do not overlap the values.
// Map      code = multiple + zeroPoint, which must fit the stored type at both ends: see rounding.ts.
// Tail     fewer than 16 (8) values are left: one at a time.
// Oracle   test/oracles/quantize.ts, same codes.

import { multiple, multiples } from "./rounding";

export function quantize8(values: usize, codes: usize, count: usize, delta: f32, low: f32, high: f32, zeroPoint: i32): void {
  assert(delta > 0 && delta < Infinity && low <= high && high - low <= 255);
  const d = f32x4.splat(delta), l = f32x4.splat(low), h = f32x4.splat(high), z = i32x4.splat(zeroPoint);
  const end = values + (count << 2);
  for (; values + 64 <= end; values += 64, codes += 16) {
    const front = lowHalves(values, d, l, h, z), back = lowHalves(values + 32, d, l, h, z);
    const byte = i16x8.splat(0xff);
    v128.store(codes, i8x16.narrow_i16x8_u(v128.and(front, byte), v128.and(back, byte)));
  }
  for (; values < end; values += 4, codes++) {
    store<u8>(codes, <i32>multiple(load<f32>(values), delta, low, high) + zeroPoint);
  }
}

export function quantize16(values: usize, codes: usize, count: usize, delta: f32, low: f32, high: f32, zeroPoint: i32): void {
  assert(delta > 0 && delta < Infinity && low <= high && high - low <= 65535);
  const d = f32x4.splat(delta), l = f32x4.splat(low), h = f32x4.splat(high), z = i32x4.splat(zeroPoint);
  const end = values + (count << 2);
  for (; values + 32 <= end; values += 32, codes += 16) v128.store(codes, lowHalves(values, d, l, h, z));
  for (; values < end; values += 4, codes += 2) {
    store<u16>(codes, <i32>multiple(load<f32>(values), delta, low, high) + zeroPoint);
  }
}

/** The low 16 bits of eight codes. */
// @ts-ignore: decorator
@inline
function lowHalves(values: usize, delta: v128, low: v128, high: v128, zeroPoint: v128): v128 {
  const a = i32x4.add(i32x4.trunc_sat_f32x4_s(multiples(v128.load(values), delta, low, high)), zeroPoint);
  const b = i32x4.add(i32x4.trunc_sat_f32x4_s(multiples(v128.load(values, 16), delta, low, high)), zeroPoint);
  return v128.shuffle<i16>(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
}
