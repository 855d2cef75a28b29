import { check } from '../base/check.ts';
import { elementCount } from '../base/tensor.ts';
import type { Values } from './cast.ts';
import type { Preprocess } from './source.ts';

/** The shape that a preprocess makes of one sample: nhwc brings the last axis to the front. */
export function arrangedShape<Dim>(shape: readonly Dim[], { layout }: Preprocess): readonly Dim[] {
  return layout === 'nhwc' && shape.length > 1 ? [shape.at(-1)!, ...shape.slice(0, -1)] : shape;
}

/**
 * The axis of an arranged sample that `mean` and `std` run along: the first of its length, else the last; null where
 * neither fits. One value for all channels needs no axis: then it is 0.
 */
export function channelAxis(arranged: readonly (number | null)[], { mean, std }: Preprocess): number | null {
  const channels = Math.max(mean.length, std.length);
  if (channels === 1 || arranged[0] === channels) return 0;
  return arranged.at(-1) === channels ? arranged.length - 1 : null;
}

type Numbers = Exclude<Values, BigInt64Array | BigUint64Array>;

/**
 * `(raw × scale − mean[channel]) / std[channel]` of `count` samples that follow each other, rearranged to the layout that the
 * model reads. Computed in float64, rounded once.
 * @param shape of one sample as it is stored
 */
export function preprocessSamples(values: Numbers, count: number, shape: readonly number[], preprocess: Preprocess): Float32Array {
  const out = new Float32Array(values.length);
  const arranged = arrangedShape(shape, preprocess);
  const axis = channelAxis(arranged, preprocess);
  check(axis !== null, 'a binding was checked for its channels');
  const perSample = elementCount(shape);
  const channels = arranged[axis] ?? 1;
  const inner = elementCount(arranged.slice(axis + 1));
  const isTransposed = preprocess.layout === 'nhwc' && shape.length > 1;
  const runs = Array.from({ length: channels }, (_, channel) => runOf(values, affineOf(preprocess, channel)));
  for (let sample = 0; sample < count; sample++) {
    for (let outer = 0; outer < perSample / channels / inner; outer++) {
      for (let channel = 0; channel < channels; channel++) {
        const to = sample * perSample + (outer * channels + channel) * inner;
        const from = isTransposed ? sample * perSample + channel : to;
        runs[channel]!(from, isTransposed ? channels : 1, out, to, inner);
      }
    }
  }
  return out;
}

interface Affine {
  readonly scale: number;
  readonly mean: number;
  readonly std: number;
}

function affineOf({ scale, mean, std }: Preprocess, channel: number): Affine {
  return { scale, mean: mean.length === 1 ? mean[0]! : mean[channel]!, std: std.length === 1 ? std[0]! : std[channel]! };
}

/** Normalizes `length` values from `from` on, `step` apart, into `out` from `to` on. */
type Run = (from: number, step: number, out: Float32Array, to: number, length: number) => void;

function runOf(values: Numbers, affine: Affine): Run {
  return values instanceof Uint8Array ? tableRun(values, affine) : affineRun(values, affine);
}

/** Hot: every value of every sample passes here, or through the next. */
function affineRun(values: Numbers, { scale, mean, std }: Affine): Run {
  return (from, step, out, to, length) => {
    for (let i = 0, at = from; i < length; i++, at += step) out[to + i] = (values[at]! * scale - mean) / std;
  };
}

/** A byte has 256 values only: looked up, not divided. */
function tableRun(values: Uint8Array, { scale, mean, std }: Affine): Run {
  const table = Float32Array.from({ length: 256 }, (_, value) => (value * scale - mean) / std);
  return (from, step, out, to, length) => {
    for (let i = 0, at = from; i < length; i++, at += step) out[to + i] = table[values[at]!]!;
  };
}
