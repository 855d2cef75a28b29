import { QuantpipeError } from '../../base/errors.ts';
import type { Sample } from '../tensor-columns.ts';
import type { Pixels } from './decode-image.ts';
import type { Channels, ImageSettings, ImageTarget, Size } from './image-settings.ts';
import { resample } from './resample.ts';

/**
 * Convert, resize, crop at the center and lay out an image, in this order.
 * @throws data-invalid where the crop is larger than the image, or the model reads another size
 */
export function transformImage(image: Pixels, { resize, filter, crop }: ImageSettings, target: ImageTarget): Sample {
  const converted = target.channels === 'gray' ? toGray(image) : toColour(image);
  const size = resize === null ? converted : 'shortest' in resize ? shortestEdge(converted, resize.shortest) : resize;
  const resized = size.height === converted.height && size.width === converted.width ? converted : resample(converted, size, filter);
  const { height, width } = crop ?? resized;
  if (height > resized.height || width > resized.width) throw new QuantpipeError('data-invalid', `it is ${show(resized)} when it is cropped to ${show({ height, width })}`);
  if ((target.height ?? height) !== height || (target.width ?? width) !== width) {
    throw new QuantpipeError('data-invalid', `it is ${show({ height, width })} when it is read, and the model reads ${target.height ?? 'any'} x ${target.width ?? 'any'} (height x width): resize or crop it`);
  }
  return layOut(resized, { height, width }, target);
}

/** The size that its shorter edge gives an image; the longer one is cut to whole pixels. */
function shortestEdge({ height, width }: Size, shortest: number): Size {
  return width <= height
    ? { width: shortest, height: Math.trunc(shortest * height / width) }
    : { height: shortest, width: Math.trunc(shortest * width / height) };
}

/** The luma of ITU-R 601-2, in the fixed point of the Python imaging library. */
function toGray(image: Pixels): Pixels {
  if (image.channels === 1) return image;
  const { height, width, data } = image;
  const gray = new Uint8Array(height * width);
  for (let i = 0, at = 0; i < gray.length; i++, at += 3) gray[i] = (data[at]! * 19595 + data[at + 1]! * 38470 + data[at + 2]! * 7471 + 0x8000) >> 16;
  return { height, width, channels: 1, data: gray };
}

function toColour(image: Pixels): Pixels {
  if (image.channels === 3) return image;
  const data = new Uint8Array(image.data.length * 3);
  for (let i = 0; i < image.data.length; i++) data.fill(image.data[i]!, 3 * i, 3 * i + 3);
  return { ...image, channels: 3, data };
}

/** Where each channel of the model is among the pixels' own. */
const ORDERS: Readonly<Record<Channels, readonly number[]>> = { rgb: [0, 1, 2], bgr: [2, 1, 0], gray: [0] };

function layOut(image: Pixels, { height, width }: Size, { channels, channelAxis }: ImageTarget): Sample {
  const order = ORDERS[channels], count = order.length;
  const top = Math.floor((image.height - height) / 2), left = Math.floor((image.width - width) / 2);
  const isWhole = height === image.height && width === image.width;
  if (isWhole && count === 1) return { shape: channelAxis === 'first' ? [1, height, width] : [height, width, 1], values: image.data };
  const values = new Uint8Array(height * width * count);
  const [pixelStep, channelStep] = channelAxis === 'first' ? [1, height * width] : [count, 1];
  for (let c = 0; c < count; c++) {
    let to = c * channelStep;
    for (let y = 0; y < height; y++) {
      let from = ((top + y) * image.width + left) * count + order[c]!;
      for (let x = 0; x < width; x++, from += count, to += pixelStep) values[to] = image.data[from]!;
    }
  }
  return { shape: channelAxis === 'first' ? [count, height, width] : [height, width, count], values };
}

function show({ height, width }: Size): string {
  return `${height} x ${width}`;
}
