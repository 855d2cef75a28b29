// Names that `--help` shows. They are written again here because importing the pipeline for them would load Arrow and the engines
// before the first line of help is printed; test/cli/help.test.ts keeps them equal to the pipeline's own tables.

export const SCHEMES = ['min-max', 'tf-enhanced', 'mse', 'percentile', 'entropy'] as const;
export const PRESETS = [
  'default', 'per-channel', 'htp-v68', 'htp-v69', 'htp-v73', 'htp-v75', 'htp-v79', 'htp-v81', 'onnxruntime', 'onnxruntime-qnn', 'tensorrt', 'web',
] as const;
export const ENCODINGS_VERSIONS = ['0.6.1', '1.0.0', '2.0.0'] as const;
export const FILTERS = ['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos'] as const;
export const CHANNELS = ['rgb', 'bgr', 'gray'] as const;
export const METRICS = ['top-1', 'ctc'] as const;
