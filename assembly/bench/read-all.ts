// For the bench alone, never part of kernels.wasm: the cost of reading values and doing next to nothing with them.
//
// Layout   values: f32[count], whole steps of 16. Returns the exclusive or of all bits, so that no load can be left out.

import { STEP } from "../lanes";

export function readAll(values: usize, count: usize): i32 {
  const end = values + (count << 2);
  let x0 = i32x4.splat(0), x1 = x0, x2 = x0, x3 = x0;
  for (; values + STEP <= end; values += STEP) {
    x0 = v128.xor(x0, v128.load(values));
    x1 = v128.xor(x1, v128.load(values, 16));
    x2 = v128.xor(x2, v128.load(values, 32));
    x3 = v128.xor(x3, v128.load(values, 48));
  }
  const x = v128.xor(v128.xor(x0, x1), v128.xor(x2, x3));
  return i32x4.extract_lane(x, 0) ^ i32x4.extract_lane(x, 1) ^ i32x4.extract_lane(x, 2) ^ i32x4.extract_lane(x, 3);
}
