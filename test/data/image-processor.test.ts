import * as assert from 'uvu/assert';

import { parsePreprocessing } from '../../pipeline/data/images/preprocess-file.ts';
import { failure } from './reading.ts';
import { suite } from '../support/suite.ts';

const NORMAL = { do_normalize: true, image_mean: [0.5, 0.25, 0.125], image_std: [0.5, 0.25, 0.5] };

/** A configuration in the form of transformers' own, and what its processor does with an image, as transformers documents and computes it. */
const processors: readonly [what: string, config: object, images: object, preprocess: object][] = [
  ['Levit resizes to 256/224 of the size that it is told', { image_processor_type: 'LevitImageProcessor', do_resize: true, size: { shortest_edge: 224 }, do_center_crop: true, crop_size: { height: 224, width: 224 } },
    { resize: { shortest: 256 }, crop: { height: 224, width: 224 } }, { scale: 1 / 255 }],
  ['ConvNext resizes to the size over its share, and crops', { image_processor_type: 'ConvNextImageProcessor', do_resize: true, size: { shortest_edge: 224 }, crop_pct: 0.875 },
    { resize: { shortest: 256 }, crop: { height: 224, width: 224 } }, { scale: 1 / 255 }],
  ['ConvNext has a share where the file names none', { feature_extractor_type: 'ConvNextFeatureExtractor', do_resize: true, size: 288 },
    { resize: { shortest: 329 }, crop: { height: 288, width: 288 } }, { scale: 1 / 255 }],
  ['ConvNext crops nothing of large images', { image_processor_type: 'ConvNextImageProcessorFast', do_resize: true, size: { shortest_edge: 384 }, crop_pct: 0.875 },
    { resize: { height: 384, width: 384 }, crop: null }, { scale: 1 / 255 }],
  ['PoolFormer resizes to the size over its share, and crops what it is told', { image_processor_type: 'PoolFormerImageProcessor', do_resize: true, size: { shortest_edge: 224 }, crop_pct: 0.95, do_center_crop: true, crop_size: { height: 224, width: 224 } },
    { resize: { shortest: 235 }, crop: { height: 224, width: 224 } }, { scale: 1 / 255 }],
  ['EfficientNet divides twice', { image_processor_type: 'EfficientNetImageProcessor', do_resize: true, size: { height: 8, width: 8 }, rescale_offset: false, include_top: true, ...NORMAL },
    { resize: { height: 8, width: 8 }, crop: null }, { scale: 1 / 255, mean: NORMAL.image_mean, std: [0.25, 0.0625, 0.25] }],
  ['EfficientNet divides twice unless it is told otherwise', { image_processor_type: 'EfficientNetImageProcessor', do_resize: true, size: { height: 8, width: 8 }, ...NORMAL, do_normalize: false },
    { resize: { height: 8, width: 8 }, crop: null }, { scale: 1 / 255, std: NORMAL.image_std }],
  ['EfficientNet takes one off', { image_processor_type: 'EfficientNetImageProcessor', do_resize: true, size: { height: 8, width: 8 }, rescale_factor: 2 / 255, rescale_offset: true, include_top: false, ...NORMAL },
    { resize: { height: 8, width: 8 }, crop: null }, { scale: 2 / 255, mean: [1.5, 1.25, 1.125], std: NORMAL.image_std }],
  ['EfficientNet takes one off without normalizing', { image_processor_type: 'EfficientNetImageProcessor', do_resize: true, size: { height: 8, width: 8 }, rescale_factor: 2 / 255, rescale_offset: true, include_top: false, do_normalize: false },
    { resize: { height: 8, width: 8 }, crop: null }, { scale: 2 / 255, mean: [1] }],
  ['a number is the shortest edge where it is said so', { do_resize: true, size: 8, default_to_square: false, do_reduce_labels: true }, { resize: { shortest: 8 }, crop: null }, { scale: 1 / 255 }],
  ['entries that say no are passed over', { do_resize: true, size: 8, keep_aspect_ratio: false, ensure_multiple_of: 1, size_divisor: null, processor_class: 'P' }, { resize: { height: 8, width: 8 }, crop: null }, { scale: 1 / 255 }],
];

const refused: readonly [config: object, message: string][] = [
  [{ do_resize: true, size: 8, keep_aspect_ratio: true }, 'F: keep_aspect_ratio: expected no such entry: it may change images in a way that is not known here (write the resize, crop, scale, mean and std that are meant, or take it out), got true'],
  [{ do_resize: true, size: 8, size_divisor: 32 }, 'F: size_divisor: expected no such entry: it may change images in a way that is not known here (write the resize, crop, scale, mean and std that are meant, or take it out), got 32'],
  [{ do_rescale: true, rescale_offset: true }, 'F: rescale_offset: expected false, but with the processor of EfficientNet, got true'],
  [{ do_normalize: true, image_mean: 0.5 }, 'F: image_std: expected numbers to normalize with, got nothing'],
  [{ do_normalize: true, image_std: 0.5 }, 'F: image_mean: expected numbers to normalize with, got nothing'],
  [{ do_resize: true, size: { shortest_edge: 8 }, crop_pct: 0.9 }, 'F: crop_pct: expected none but with the processors of ConvNext and PoolFormer: write the resize and the crop that it stands for, got 0.9'],
];

suite('data/image-processor', test => {
  for (const [what, config, images, preprocess] of processors) {
    test(what, () => {
      const read = parsePreprocessing(config, 'F');
      assert.equal(read.images, { filter: 'bilinear', ...images });
      assert.equal(read.preprocess, preprocess);
    });
  }

  for (const [config, message] of refused) {
    test(`refuses ${JSON.stringify(config)}`, async () => assert.equal(await failure(async () => parsePreprocessing(config, 'F')), { code: 'config-invalid', message }));
  }
});
