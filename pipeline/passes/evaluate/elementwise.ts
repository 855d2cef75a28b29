import { elementCount, type Tensor } from '../../base/tensor.ts';
import { broadcastDims, broadcastIndex } from './broadcast.ts';
import type { Evaluator, EvaluatorTable } from './evaluator.ts';
import { isModest } from './limit.ts';

type Numbers = Float32Array | Float64Array | Int32Array;

/** Storing into a typed array rounds to its type; + - * / and sqrt in float64, then rounded, are the float32 operations exactly. */
const divide = arithmetic((a, b) => a / b, (a, b) => a / b);

const binary: EvaluatorTable = {
  Add: arithmetic((a, b) => a + b, (a, b) => a + b),
  Sub: arithmetic((a, b) => a - b, (a, b) => a - b),
  Mul: arithmetic((a, b) => a * b, (a, b) => a * b),
  Div: (node, [a, b]) => (isWhole(b) && holdsZero(b) ? null : divide(node, [a!, b!])),
  Pow: arithmetic((a, b) => a ** b, null),
};

const unary: EvaluatorTable = {
  Neg: each(x => -x),
  Abs: each(x => Math.abs(x)),
  Sqrt: each(x => Math.sqrt(x)),
  Reciprocal: each(x => 1 / x),
};

/** Arithmetic on float32, float64, int32 and int64 tensors; both operands of one type, as ONNX asks. */
export const elementwise: EvaluatorTable = { ...binary, ...unary };

function arithmetic(numbers: (a: number, b: number) => number, bigints: ((a: bigint, b: bigint) => bigint) | null): Evaluator {
  return (_, [a, b]) => {
    if (!a || !b || a.dtype !== b.dtype) return null;
    const dims = broadcastDims(a.dims, b.dims);
    if (dims === null || !isModest(elementCount(dims), [a, b])) return null;
    const [ai, bi] = [broadcastIndex(a.dims, dims), broadcastIndex(b.dims, dims)];
    const pick = { dtype: a.dtype, dims };
    if (a.data instanceof BigInt64Array && b.data instanceof BigInt64Array) {
      const [x, y] = [a.data, b.data];
      if (bigints === null) return null;
      return { ...pick, data: BigInt64Array.from(ai, (at, i) => bigints(x[at]!, y[bi[i]!]!)) };
    }
    if (!isNumbers(a) || !isNumbers(b)) return null;
    const [x, y, data] = [a.data, b.data, empty(a, ai.length)];
    for (let i = 0; i < data.length; i++) data[i] = numbers(x[ai[i]!]!, y[bi[i]!]!);
    return { ...pick, data };
  };
}

function each(compute: (x: number) => number): Evaluator {
  return (_, [x]) => {
    if (!x || !isNumbers(x)) return null;
    const data = empty(x, x.data.length);
    for (let i = 0; i < data.length; i++) data[i] = compute(x.data[i]!);
    return { dtype: x.dtype, dims: x.dims, data };
  };
}

function isWhole(tensor: Tensor | null | undefined): tensor is Tensor {
  return tensor?.dtype === 'int32' || tensor?.dtype === 'int64';
}

function holdsZero({ data }: Tensor): boolean {
  return data instanceof BigInt64Array ? data.includes(0n) : data instanceof Int32Array && data.includes(0);
}

function isNumbers(tensor: Tensor): tensor is Tensor & { readonly data: Numbers } {
  return tensor.dtype === 'float32' || tensor.dtype === 'float64' || tensor.dtype === 'int32';
}

function empty({ data }: { data: Numbers }, count: number): Numbers {
  if (data instanceof Float32Array) return new Float32Array(count);
  return data instanceof Float64Array ? new Float64Array(count) : new Int32Array(count);
}
