import type { SessionInput } from '../base/tensor.ts';
import type { Preprocess } from './source.ts';

/** How samples fill a model input. */
export interface Fit {
  /** 'batch': samples are stacked along the input's first dimension; 'whole': one sample is one input. */
  readonly stacking: 'batch' | 'whole';
  /** Dimensions of one sample in the model's terms, without the batch dimension. */
  readonly dims: readonly number[];
}

type Shape = readonly (number | null)[];

/**
 * How a sample of this shape fits an input; null where it does not. Tried in this order, for an input [N, 3, 224, 224]:
 *
 *   [3, 224, 224]      stacked along the first dimension
 *   [1, 3, 224, 224]   the same: a leading 1 is the batch of one sample
 *   [150528]           the same, if the column is a plain list (`isFlat`) and the model tells every dimension
 *   [224, 224] for [N, 1, 224, 224]   the same: dimensions of 1 may be missing
 *
 * and for an input that has no batch dimension, [T, 80]: a sample [T, 80] is the whole input.
 * and for an input of which no shape is known: any sample, stacked along a first dimension. A null in `sample` fits any dimension.
 */
export function fitSample(sample: Shape, input: SessionInput['shape'], isFlat = false): Fit | null {
  const stacked = (dims: Shape): Fit => ({ stacking: 'batch', dims: dims as number[] });
  if (input === null) return stacked(sample);
  const inner = input.slice(1);
  if (input.length > 0) {
    if (matches(sample, inner)) return stacked(sample);
    if (sample[0] === 1 && sample.length === input.length && matches(sample.slice(1), inner)) return stacked(sample.slice(1));
    if (isFixed(inner) && (isFlat ? sample[0] === null || count(sample) === count(inner) : isSqueezed(sample, inner))) return stacked(inner);
  }
  return matches(sample, input) ? { stacking: 'whole', dims: sample as number[] } : null;
}

/** The shape in which the sample of a plain list lies there, as far as the model tells it: that is what layout and channels of its preprocessing are about. */
export function unflattened<Dim extends number | null>(sample: readonly Dim[], input: SessionInput['shape'], { isFlat, preprocess }: { readonly isFlat: boolean; readonly preprocess: Preprocess | null }): readonly (Dim | number)[] {
  const inner = input?.slice(1) ?? [];
  if (!isFlat || preprocess === null || sample.length !== 1 || inner.length < 2 || !isFixed(inner) || (sample[0] !== null && sample[0] !== count(inner))) return sample;
  const dims: readonly number[] = inner;
  return preprocess.layout === 'nhwc' ? [...dims.slice(1), dims[0]!] : dims;
}

/** A shape as messages show it: [N, 3, 48, ?]. */
export function showShape(shape: SessionInput['shape']): string {
  return shape === null ? 'any shape' : `[${shape.map(dim => dim ?? '?').join(', ')}]`;
}

type Declared = NonNullable<SessionInput['shape']>;

function matches(sample: Shape, declared: Declared): boolean {
  return sample.length === declared.length && sample.every((dim, i) => dim === null || typeof declared[i] !== 'number' || dim === declared[i]);
}

function isFixed(shape: Declared): shape is readonly number[] {
  return shape.every(dim => typeof dim === 'number');
}

function isSqueezed(sample: Shape, inner: readonly number[]): boolean {
  const squeezed = inner.filter(dim => dim !== 1);
  const kept = sample.filter(dim => dim !== 1);
  return squeezed.length === kept.length && squeezed.every((dim, i) => dim === kept[i]);
}

function count(shape: Shape): number {
  return shape.reduce<number>((product, dim) => product * (dim ?? NaN), 1);
}
