import type { Filter, ImageSettings, Size } from './image-settings.ts';
import type { Entries, Preprocessing } from './preprocess-entries.ts';

/** The Python imaging library's numbers of its filters. */
const RESAMPLE: readonly Filter[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'];

/** Steps of Hugging Face's image processors that are read, or change no image; converting to RGB is always done. */
const STEPS = ['do_resize', 'do_center_crop', 'do_rescale', 'do_normalize', 'do_flip_channel_order', 'do_convert_rgb', 'do_reduce_labels', 'do_convert_annotations'];
/** What they are done with. */
const READ = ['size', 'crop_size', 'crop_pct', 'default_to_square', 'resample', 'rescale_factor', 'image_mean', 'image_std', 'rescale_offset', 'include_top', 'image_processor_type', 'feature_extractor_type'];
/** Entries that change no image. */
const WITHOUT_EFFECT = [
  'processor_class', 'auto_map', '_valid_processor_keys', 'valid_processor_keys', '_name_or_path', 'transformers_version', 'model_input_names', 'image_seq_length',
  'data_format', 'input_data_format', 'return_tensors', 'device', 'disable_grouping', 'reduce_labels', 'format',
];

/**
 * What a `preprocessor_config.json` does. Steps that it does not name are taken where it has what they need: that is how the processors'
 * defaults are. The processors of Levit, ConvNext, PoolFormer and EfficientNet mean other sizes or values by the same entries.
 *
 * @throws config-invalid naming an entry that may change images in a way that is not known here
 */
export function ofImageProcessor(entries: Entries): Preprocessing {
  entries.refuseSteps(STEPS);
  entries.refuseEffects([...STEPS, ...READ, ...WITHOUT_EFFECT]);
  const model = String(entries.get('image_processor_type') ?? entries.get('feature_extractor_type') ?? '');
  const { resize, crop } = cropPercent(model, sizes(entries), entries);
  const [resample = 2] = entries.numbers('resample') ?? [];
  const filter = RESAMPLE[resample];
  if (filter === undefined) throw entries.fail('resample', `a number from 0 to ${RESAMPLE.length - 1}`, resample);
  return {
    images: { resize: model.startsWith('Levit') ? levitSize(resize) : resize, crop, filter, ...(entries.flag('do_flip_channel_order') && { channels: 'bgr' as const }) },
    preprocess: values(model, entries),
  };
}

type Sizes = Pick<ImageSettings, 'resize' | 'crop'>;

function sizes(entries: Entries): Sizes {
  const size = entries.flag('do_resize') === false ? undefined : entries.edges('size');
  const cropSize = entries.flag('do_center_crop') === false ? undefined : entries.edges('crop_size');
  if (entries.flag('do_resize') && size === undefined) throw entries.fail('size', 'a size to resize to', undefined);
  if (entries.flag('do_center_crop') && cropSize === undefined) throw entries.fail('crop_size', 'a size to crop to', undefined);
  const crop = cropSize === undefined ? null : entries.square('crop_size', cropSize);
  return { resize: typeof size === 'number' ? sizeOfNumber(size, entries.flag('default_to_square') ?? crop === null) : size ?? null, crop };
}

/** Older configurations have one number: of the shortest edge where a crop follows, else of both. */
function sizeOfNumber(size: number, isSquare: boolean): ImageSettings['resize'] {
  return isSquare ? square(size) : { shortest: size };
}

const square = (edge: number): Size => ({ height: edge, width: edge });

/** Levit's processor is told the size after its crop, and resizes to 256/224 of it. */
function levitSize(resize: ImageSettings['resize']): ImageSettings['resize'] {
  return resize !== null && 'shortest' in resize ? { shortest: Math.trunc(256 / 224 * resize.shortest) } : resize;
}

/** From this size on, ConvNext's processor crops nothing. */
const CONVNEXT_WHOLE = 384;

/** What is left of an image by cropping, where a processor is told it as a share. */
function cropPercent(model: string, sizes: Sizes, entries: Entries): Sizes {
  const isConvNext = model.startsWith('ConvNext');
  const [share = isConvNext ? 224 / 256 : undefined] = entries.numbers('crop_pct') ?? [];
  if (share === undefined || sizes.resize === null) return sizes;
  const { resize, crop } = sizes;
  const edge = 'shortest' in resize ? resize.shortest : resize.height === resize.width ? resize.height : null;
  if (edge === null || !(share > 0 && share <= 1) || !(isConvNext || model.startsWith('PoolFormer'))) throw entries.fail('crop_pct', 'none but with the processors of ConvNext and PoolFormer: write the resize and the crop that it stands for', share);
  if (isConvNext && edge >= CONVNEXT_WHOLE) return { resize: square(edge), crop: null };
  return { resize: { shortest: Math.trunc(edge / share) }, crop: isConvNext ? square(edge) : crop };
}

/** What becomes of the values: times the factor, less the mean, by the deviation; EfficientNet's may be one less first, and divided twice. */
function values(model: string, entries: Entries): Preprocessing['preprocess'] {
  const isEfficientNet = model.startsWith('EfficientNet'), isRescaled = entries.flag('do_rescale') !== false;
  if (!isEfficientNet) for (const key of ['rescale_offset', 'include_top']) if (entries.flag(key)) throw entries.fail(key, 'false, but with the processor of EfficientNet', true);
  const [factor = 1 / 255] = entries.numbers('rescale_factor') ?? [];
  const isNormalized = entries.flag('do_normalize') !== false;
  const means = isNormalized ? entries.numbers('image_mean') : undefined, deviations = isNormalized ? entries.numbers('image_std') : undefined;
  if (entries.flag('do_normalize')) for (const [key, list] of [['image_mean', means], ['image_std', deviations]] as const) if (list === undefined) throw entries.fail(key, 'numbers to normalize with', undefined);
  const mean = isRescaled && entries.flag('rescale_offset') ? (means ?? [0]).map(value => value + 1) : means;
  const isDivided = isEfficientNet && entries.flag('include_top') !== false;
  const again = isDivided ? entries.numbers('image_std') ?? [1] : [1], once = deviations ?? [1];
  const std = once.length >= again.length ? once.map((value, i) => value * again[i % again.length]!) : again;
  return { scale: isRescaled ? factor : 1, ...(mean && { mean }), ...((deviations !== undefined || isDivided) && { std }) };
}
