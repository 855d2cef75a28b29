import { QuantpipeError } from '../../base/errors.ts';
import { readJson } from '../../base/text-file.ts';
import { ofImageProcessor } from './image-processor.ts';
import { CHANNELS, checkImageSettings, FILTERS, IMAGES_AS_THEY_ARE } from './image-settings.ts';
import { Entries, type Preprocessing } from './preprocess-entries.ts';

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
