import { defaultPreset } from './default.ts';

/** The default preset with one encoding for every output channel of the weights of Conv, ConvTranspose, Gemm and MatMul. */
export const perChannelPreset = {
  ...defaultPreset,
  defaults: { ...defaultPreset.defaults, per_channel_quantization: 'True' },
};
