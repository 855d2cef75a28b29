/** Reference for the quantizing kernels: ONNX's QuantizeLinear and DequantizeLinear, read off the operator's text, in float32. */
export interface OracleMap {
  readonly scale: number;
  readonly zeroPoint: number;
  readonly lowest: number;
  readonly highest: number;
}

export function quantizeOracle(x: number, { scale, zeroPoint, lowest, highest }: OracleMap): number {
  if (Number.isNaN(x)) return lowest;
  const code = roundHalfEven(Math.fround(x / Math.fround(scale))) + zeroPoint;
  return Math.max(lowest, Math.min(highest, code)) + 0;
}

export function dequantizeOracle(code: number, { scale, zeroPoint }: OracleMap): number {
  return Math.fround((code - zeroPoint) * Math.fround(scale));
}

export function fakeQuantOracle(x: number, map: OracleMap): number {
  return dequantizeOracle(quantizeOracle(x, map), map);
}

/** On grids of more than 16 bits: the quotient in float64, one rounding to float32 at the end. */
export function fakeQuantWideOracle(x: number, { scale, zeroPoint, lowest, highest }: OracleMap): number {
  const multiple = Number.isNaN(x) ? lowest - zeroPoint : roundHalfEven(x / Math.fround(scale));
  return Math.fround((Math.max(lowest - zeroPoint, Math.min(highest - zeroPoint, multiple)) + 0) * Math.fround(scale));
}

function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}
