import { QuantpipeError } from '../../base/errors.ts';
import { readJson } from '../../base/text-file.ts';
import type { Preprocess } from '../source.ts';
import { CHANNELS, checkImageSettings, FILTERS, IMAGES_AS_THEY_ARE, type Filter, type ImageSettings, type Size } from './image-settings.ts';

/** What a preprocessing file says: what becomes of images, and then of values. */
export interface Preprocessing {
  readonly images: Partial<ImageSettings>;
  readonly preprocess: Partial<Preprocess>;
}

/** The Python imaging library's numbers of its filters. */
const RESAMPLE: readonly Filter[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'];

/** Steps of Hugging Face's image processors that are read; converting to RGB is always done. */
const KNOWN_STEPS = ['do_resize', 'do_center_crop', 'do_rescale', 'do_normalize', 'do_flip_channel_order', 'do_convert_rgb'];

export async function readPreprocessFile(path: string): Promise<Preprocessing> {
  return parsePreprocessing(await readJson(path, { noun: 'the preprocessing', hint: 'preprocess takes a JSON file, such as a preprocessor_config.json' }), path);
}

/**
 * Read a preprocessing file: our own form, or a `preprocessor_config.json` of Hugging Face as it is.
 *
 *   { "resize": 256 or [height, width], "filter": "bilinear", "crop": 224 or [height, width], "channels": "rgb",
 *     "scale": 0.00392157, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "layout": "nchw" }
 *
 * Every entry may be missing. A single number resizes the shortest edge, or crops a square.
 *
 * @throws config-invalid naming the entry
 */
export function parsePreprocessing(value: unknown, where: string): Preprocessing {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new QuantpipeError('config-invalid', `${where}: expected an object, got ${JSON.stringify(value)}`);
  const entries = new Entries(value as Record<string, unknown>, where);
  const isHuggingFace = Object.keys(value).some(key => key.startsWith('do_') || key.startsWith('image_'));
  const parsed = isHuggingFace ? ofImageProcessor(entries) : ofOurs(entries);
  checkImageSettings({ ...IMAGES_AS_THEY_ARE, ...parsed.images }, where);
  return parsed;
}

function ofOurs(entries: Entries): Preprocessing {
  entries.refuseOthers(['resize', 'filter', 'crop', 'channels', 'scale', 'mean', 'std', 'layout']);
  const resize = entries.edges('resize'), crop = entries.edges('crop');
  const filter = entries.oneOf('filter', FILTERS), channels = entries.oneOf('channels', CHANNELS), layout = entries.oneOf('layout', ['nchw', 'nhwc'] as const);
  const [scale] = entries.numbers('scale') ?? [], mean = entries.numbers('mean'), std = entries.numbers('std');
  return {
    images: {
      ...(resize !== undefined && { resize: typeof resize === 'number' ? { shortest: resize } : resize }),
      ...(crop !== undefined && { crop: entries.square('crop', crop) }),
      ...(filter && { filter }), ...(channels && { channels }),
    },
    preprocess: { ...(scale !== undefined && { scale }), ...(mean && { mean }), ...(std && { std }), ...(layout && { layout }) },
  };
}

/** Steps that a configuration does not name are taken where it has what they need: that is how the processors' defaults are. */
function ofImageProcessor(entries: Entries): Preprocessing {
  entries.refuseSteps(KNOWN_STEPS);
  if (entries.get('crop_pct') !== undefined) throw entries.fail('crop_pct', 'no such entry: write the resize and the crop that it stands for', entries.get('crop_pct'));
  const size = entries.flag('do_resize') === false ? undefined : entries.edges('size');
  const cropSize = entries.flag('do_center_crop') === false ? undefined : entries.edges('crop_size');
  if (entries.flag('do_resize') && size === undefined) throw entries.fail('size', 'a size to resize to', undefined);
  if (entries.flag('do_center_crop') && cropSize === undefined) throw entries.fail('crop_size', 'a size to crop to', undefined);
  const crop = cropSize === undefined ? null : entries.square('crop_size', cropSize);
  const [resample = 2] = entries.numbers('resample') ?? [];
  const filter = RESAMPLE[resample];
  if (filter === undefined) throw entries.fail('resample', `a number from 0 to ${RESAMPLE.length - 1}`, resample);
  const [factor = 1 / 255] = entries.numbers('rescale_factor') ?? [];
  const isNormalized = entries.flag('do_normalize') !== false;
  const mean = isNormalized ? entries.numbers('image_mean') : undefined, std = isNormalized ? entries.numbers('image_std') : undefined;
  return {
    images: {
      resize: typeof size === 'number' ? sizeOfNumber(size, crop) : size ?? null, crop, filter,
      ...(entries.flag('do_flip_channel_order') && { channels: 'bgr' as const }),
    },
    preprocess: { scale: entries.flag('do_rescale') === false ? 1 : factor, ...(mean && { mean }), ...(std && { std }) },
  };
}

/** Older configurations have one number: of the shortest edge where a crop follows, else of both. */
function sizeOfNumber(size: number, crop: Size | null): ImageSettings['resize'] {
  return crop === null ? { height: size, width: size } : { shortest: size };
}

/** The entries of a file, each read as what it must be; undefined where it is missing or null. */
class Entries {
  readonly #entries: Readonly<Record<string, unknown>>;
  readonly #where: string;

  constructor(entries: Readonly<Record<string, unknown>>, where: string) {
    this.#entries = entries;
    this.#where = where;
  }

  get(key: string): unknown {
    return this.#entries[key] ?? undefined;
  }

  fail(key: string, expected: string, got: unknown): QuantpipeError {
    return new QuantpipeError('config-invalid', `${this.#where}: ${key}: expected ${expected}, got ${got === undefined ? 'nothing' : JSON.stringify(got)}`);
  }

  refuseOthers(known: readonly string[]): void {
    const other = Object.keys(this.#entries).find(key => !known.includes(key));
    if (other !== undefined) throw this.fail(other, `one of the entries ${known.join(', ')}`, this.get(other));
  }

  /** A step that is taken and not known would change the values. */
  refuseSteps(known: readonly string[]): void {
    const other = Object.keys(this.#entries).find(key => key.startsWith('do_') && !known.includes(key) && this.flag(key));
    if (other !== undefined) throw this.fail(other, 'false, this step is not supported', true);
  }

  flag(key: string): boolean | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.fail(key, 'true or false', value);
  }

  oneOf<T extends string>(key: string, words: readonly T[]): T | undefined {
    const value = this.get(key);
    const word = words.find(word => word === value);
    if (value !== undefined && word === undefined) throw this.fail(key, `one of ${words.join(', ')}`, value);
    return word;
  }

  numbers(key: string): number[] | undefined {
    const value = this.get(key);
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (value === undefined) return undefined;
    if (list.length > 0 && list.every(item => typeof item === 'number')) return list;
    throw this.fail(key, 'a number or a list of numbers', value);
  }

  /** A number; height and width, in a list or by name; or the shortest edge by name. */
  edges(key: string): number | Size | { readonly shortest: number } | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === 'number') return value;
    if (Array.isArray(value) && value.length === 2) return { height: Number(value[0]), width: Number(value[1]) };
    const { shortest_edge: shortest, height, width, ...others } = Object(value) as Record<string, unknown>;
    const isPlain = !Array.isArray(value) && Object.keys(others).length === 0;
    if (isPlain && typeof shortest === 'number' && height === undefined && width === undefined) return { shortest };
    if (isPlain && typeof height === 'number' && typeof width === 'number' && shortest === undefined) return { height, width };
    throw this.fail(key, 'a number, [height, width], {"height", "width"} or {"shortest_edge"}', value);
  }

  square(key: string, edges: NonNullable<ReturnType<Entries['edges']>>): Size {
    if (typeof edges === 'number') return { height: edges, width: edges };
    if ('height' in edges) return edges;
    throw this.fail(key, 'a number, [height, width] or {"height", "width"}', this.get(key));
  }
}
