import { KNOWN_RANGES } from './known-ranges.ts';
import { perChannelPreset } from './per-channel.ts';
import type { Preset } from './preset.ts';

const { config } = perChannelPreset;
const perTensor = { per_channel_quantization: 'False' };

/**
 * ONNX Runtime with the QNN execution provider, which leaves what has no quantizers to the CPU: so the weights of normalizations have them too,
 * and no product is per channel. Weights are int8 with zero point 0, which per channel the provider takes no other.
 */
export const onnxruntimeQnnPreset = {
  export: { weightType: 'int8', activationType: 'uint8', quantizeBias: true, dedicatedPairs: false, depthwise: 'integer', columnsAsChannels: false, exactSoftmax: false },
  config: {
    ...config,
    op_type: {
      Cast: config.op_type.Cast,
      BatchNormalization: config.op_type.BatchNormalization,
      MatMul: perTensor,
      ...KNOWN_RANGES,
    },
  },
} satisfies Preset;
