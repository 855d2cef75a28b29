import { perChannelPreset } from './per-channel.ts';
import type { Preset } from './preset.ts';

const { config } = perChannelPreset;
/** Nothing is quantized but what a layer reads, also where a Cast or a Mean writes it: these are not switched off. */
const { Cast, Mean, ...opTypes } = config.op_type;
const quantizedInput = { is_input_quantized: 'True' };

/**
 * TensorRT: everything symmetric int8, and quantizers only where an integer kernel reads: at the inputs of layers, of residual additions and of
 * averages. It fuses what comes after a layer by itself, so outputs have none. Biases stay in float.
 */
export const tensorrtPreset = {
  export: { weightType: 'int8', activationType: 'int8', quantizeBias: false, dedicatedPairs: true, depthwise: 'integer', columnsAsChannels: false, exactSoftmax: false },
  config: {
    ...config,
    defaults: { ...config.defaults, ops: { is_symmetric: 'True' } },
    op_type: {
      ...opTypes,
      Conv: quantizedInput,
      ConvTranspose: quantizedInput,
      Gemm: quantizedInput,
      MatMul: quantizedInput,
      Add: quantizedInput,
      AveragePool: quantizedInput,
      GlobalAveragePool: quantizedInput,
    },
    model_input: {},
    composites: { MatMulAdd: 'True' },
  },
} satisfies Preset;
