// Resizing that gives the same bytes as the Python imaging library, which models were trained with: a separable filter as wide as
// the reduction, weights in fixed point, the horizontal pass first and rounded to bytes. Its version 13 takes the vertical pass first where that is
// less work, which differs by 1 here and there; versions before it agree with this to the byte.
// https://github.com/python-pillow/Pillow/blob/main/src/libImaging/Resample.c

import type { Pixels } from './decode-image.ts';
import type { Filter, Size } from './image-settings.ts';

/** Bits behind the point of a weight: sums of 8-bit values times weights stay within 32 bits. */
const PRECISION_BITS = 22;

interface Kernel {
  /** Distance from the center beyond which the weight is 0, in pixels of the larger image. */
  readonly support: number;
  readonly weight: (x: number) => number;
}

const kernels: Readonly<Record<Exclude<Filter, 'nearest'>, Kernel>> = {
  box: { support: 0.5, weight: x => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: x => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weight: x => (x === 0 ? 1 : Math.abs(x) >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x))) },
  bicubic: { support: 2, weight: x => cubic(Math.abs(x)) },
  lanczos: { support: 3, weight: x => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function cubic(x: number): number {
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

export function resample(image: Pixels, { height, width }: Size, filter: Filter): Pixels {
  if (filter === 'nearest') return nearest(image, height, width);
  const { channels } = image;
  const wide = width === image.width ? image : horizontal(image, weights(image.width, width, kernels[filter]), width);
  return height === image.height ? wide : { height, width, channels, data: vertical(wide, weights(image.height, height, kernels[filter]), height) };
}

/** Which pixels make up each new one: from `first[i]` on, with the weights from `i * most` on. */
interface Weights {
  readonly most: number;
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly fixed: Int32Array;
}

function weights(from: number, to: number, { support, weight }: Kernel): Weights {
  const scale = from / to, stretch = Math.max(scale, 1), reach = support * stretch;
  const most = Math.ceil(reach) * 2 + 1;
  const first = new Int32Array(to), count = new Int32Array(to), fixed = new Int32Array(to * most);
  const exact = new Float64Array(most);
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(center - reach + 0.5)), end = Math.min(from, Math.trunc(center + reach + 0.5));
    let sum = 0;
    for (let x = begin; x < end; x++) sum += exact[x - begin] = weight((x - center + 0.5) * (1 / stretch));
    for (let k = 0; k < end - begin; k++) {
      const scaled = (sum === 0 ? exact[k]! : exact[k]! / sum) * 2 ** PRECISION_BITS;
      fixed[i * most + k] = Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
    first[i] = begin;
    count[i] = end - begin;
  }
  return { most, first, count, fixed };
}

/** Hot: every pixel of every image passes here, and through the next. */
function horizontal({ height, width: from, channels, data }: Pixels, { most, first, count, fixed }: Weights, width: number): Pixels {
  const out = new Uint8ClampedArray(height * width * channels);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const begin = (y * from + first[x]!) * channels, taps = count[x]!, at = x * most;
      for (let c = 0; c < channels; c++, to++) {
        let sum = 1 << (PRECISION_BITS - 1);
        for (let k = 0, i = begin + c; k < taps; k++, i += channels) sum += data[i]! * fixed[at + k]!;
        out[to] = sum >> PRECISION_BITS;
      }
    }
  }
  return { height, width, channels, data: new Uint8Array(out.buffer) };
}

function vertical({ width, channels, data }: Pixels, { most, first, count, fixed }: Weights, height: number): Uint8Array {
  const row = width * channels;
  const out = new Uint8ClampedArray(height * row);
  for (let y = 0, to = 0; y < height; y++) {
    const begin = first[y]! * row, taps = count[y]!, at = y * most;
    for (let x = 0; x < row; x++, to++) {
      let sum = 1 << (PRECISION_BITS - 1);
      for (let k = 0, i = begin + x; k < taps; k++, i += row) sum += data[i]! * fixed[at + k]!;
      out[to] = sum >> PRECISION_BITS;
    }
  }
  return new Uint8Array(out.buffer);
}

function nearest({ height: fromHeight, width: fromWidth, channels, data }: Pixels, height: number, width: number): Pixels {
  const out = new Uint8Array(height * width * channels);
  const columns = positions(fromWidth, width), rows = positions(fromHeight, height);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (rows[y]! * fromWidth + columns[x]!) * channels;
      for (let c = 0; c < channels; c++) out[to++] = data[from + c]!;
    }
  }
  return { height, width, channels, data: out };
}

/** The pixel under the center of each new one; added up as the library does, for the same rounding. */
function positions(from: number, to: number): Int32Array {
  const all = new Int32Array(to);
  for (let i = 0, at = from / to * 0.5; i < to; i++, at += from / to) all[i] = Math.min(from - 1, Math.floor(at));
  return all;
}
