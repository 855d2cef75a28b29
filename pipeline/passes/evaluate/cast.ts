import type { DType, Tensor, TensorData } from '../../base/tensor.ts';
import { intOf } from '../../graph/attribute.ts';
import { elementTypeOf } from '../element-types.ts';
import type { EvaluatorTable } from './evaluator.ts';

type Make = (values: readonly number[]) => TensorData;

/** The types that exporters cast constants between; others (half floats, strings) stay as Cast nodes. */
const makers: { readonly [type in DType]?: Make } = {
  float32: values => Float32Array.from(values),
  float64: values => Float64Array.from(values),
  int32: values => Int32Array.from(values),
  int64: values => BigInt64Array.from(values, BigInt),
  bool: values => Uint8Array.from(values, value => (value === 0 ? 0 : 1)),
};

const bounds: { readonly [type in DType]?: number } = { int32: 2 ** 31, int64: Number.MAX_SAFE_INTEGER };

/** Cast between float32, float64, int32, int64 and bool, toward zero. What does not fit the target is not evaluated: engines differ. */
export const cast: EvaluatorTable = {
  Cast(node, [from]) {
    const to = elementTypeOf(intOf(node, 'to', 0));
    if (!from || to === null) return null;
    if (to === from.dtype) return from;
    const [make, values] = [makers[to], numbersOf(from)];
    return make === undefined || values === null || !fits(values, to) ? null : { dtype: to, dims: from.dims, data: make(whole(values, to)) };
  },
};

function numbersOf({ dtype, data }: Tensor): number[] | null {
  if (makers[dtype] === undefined) return null;
  return Array.from(data as ArrayLike<number | bigint>, Number);
}

function fits(values: readonly number[], to: DType): boolean {
  const bound = bounds[to];
  return bound === undefined || values.every(value => Math.abs(value) < bound);
}

function whole(values: readonly number[], to: DType): readonly number[] {
  return bounds[to] === undefined ? values : values.map(Math.trunc);
}
