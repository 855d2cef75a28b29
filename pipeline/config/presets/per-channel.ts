import { defaultPreset } from './default.ts';
import type { Preset } from './preset.ts';

const { config } = defaultPreset;

/** The default preset with one encoding for every output channel of the weights of Conv, ConvTranspose, Gemm and MatMul. */
export const perChannelPreset = {
  ...defaultPreset,
  config: { ...config, defaults: { ...config.defaults, per_channel_quantization: 'True' } },
} satisfies Preset;
