import { QuantpipeError } from '../../base/errors.ts';
import type { SessionInput } from '../../base/tensor.ts';

/** Resampling filters, as the Python imaging library has them. */
export const FILTERS = ['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos'] as const;
export const CHANNELS = ['rgb', 'bgr', 'gray'] as const;

export type Filter = (typeof FILTERS)[number];
export type Channels = (typeof CHANNELS)[number];

export interface Size {
  readonly height: number;
  readonly width: number;
}

/** What becomes of an image before its values are scaled: resized, then cropped at the center, then laid out. */
export interface ImageSettings {
  /** 'shortest': the shorter edge becomes so long, the other in proportion. null: as it is. */
  readonly resize: { readonly shortest: number } | Size | null;
  readonly filter: Filter;
  readonly crop: Size | null;
  /** Default: gray where the model reads one channel, else rgb. */
  readonly channels?: Channels;
}

export const IMAGES_AS_THEY_ARE: ImageSettings = { resize: null, filter: 'bilinear', crop: null };

/** What a model input reads of an image. */
export interface ImageTarget {
  readonly channels: Channels;
  /** 'first': [C, H, W]; 'last': [H, W, C]. */
  readonly channelAxis: 'first' | 'last';
  /** Where the model fixes them. */
  readonly height: number | null;
  readonly width: number | null;
}

/** What an input of this shape reads: one or three channels are looked for in front, then at the end. */
export function imageTarget(shape: SessionInput['shape'] | undefined, channels?: Channels): ImageTarget {
  const dims = (shape ?? []).map(dim => (typeof dim === 'number' ? dim : null));
  const isChannels = (dim: number | null | undefined) => dim === 1 || dim === 3;
  const isLast = dims.length === 4 && !isChannels(dims[1]) && isChannels(dims[3]);
  const isGray = dims.length === 3 || (dims.length === 4 && (isLast ? dims[3] : dims[1]) === 1);
  const [height = null, width = null] = dims.length === 4 ? (isLast ? dims.slice(1, 3) : dims.slice(2)) : dims.length === 3 ? dims.slice(1) : [];
  return { channels: channels ?? (isGray ? 'gray' : 'rgb'), channelAxis: isLast ? 'last' : 'first', height, width };
}

/** Refuse settings that no image can be read with. */
export function checkImageSettings(settings: ImageSettings, where: string): ImageSettings {
  const { resize, filter, crop, channels } = settings;
  const fail = (fact: string) => new QuantpipeError('config-invalid', `${where}: ${fact}`);
  for (const [name, size] of [['resize', resize], ['crop', crop]] as const) {
    for (const [edge, pixels] of Object.entries(size ?? {})) if (!(Number.isInteger(pixels) && pixels > 0 && pixels <= MAX_EDGE)) throw fail(`${name}: ${edge} must be from 1 to ${MAX_EDGE} pixels, got ${String(pixels)}`);
  }
  if (!FILTERS.includes(filter)) throw fail(`filter must be one of ${FILTERS.join(', ')}, got ${String(filter)}`);
  if (channels !== undefined && !CHANNELS.includes(channels)) throw fail(`channels must be one of ${CHANNELS.join(', ')}, got ${String(channels)}`);
  return settings;
}

const MAX_EDGE = 1 << 14;
