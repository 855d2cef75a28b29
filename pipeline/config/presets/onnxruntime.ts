import { KNOWN_RANGES } from './known-ranges.ts';
import { perChannelPreset } from './per-channel.ts';
import { type Preset, UNSIGNED } from './preset.ts';

const { config } = perChannelPreset;

/**
 * The CPU kernels of ONNX Runtime: per channel, and Softmax from 0 to 1, as its own tools have it. A product and the bias added to it stay two
 * operators, each with an integer kernel: as one layer, a product of more than two dimensions becomes MatMulIntegerToFloat and the Add stays in
 * float. (A product of two is one QGemm then.) Weights are uint8, because kernels of uint8 by int8 saturate on x64 without VNNI.
 */
export const onnxruntimePreset = {
  export: { ...UNSIGNED, columnsAsChannels: true },
  config: { ...config, op_type: { ...config.op_type, Softmax: KNOWN_RANGES.Softmax }, composites: { MatMulAdd: 'False' } },
} satisfies Preset;

/** The same in browsers, but for convolutions of one input channel: the integer kernels that onnxruntime-web has for them take several times as long as its float ones. */
export const webPreset = { ...onnxruntimePreset, export: { ...UNSIGNED, depthwise: 'float' } } satisfies Preset;
