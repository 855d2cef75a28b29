import { KNOWN_RANGES } from './known-ranges.ts';
import { perChannelPreset } from './per-channel.ts';
import { type Preset, UNSIGNED } from './preset.ts';

const off = { is_output_quantized: 'False' };
const perTensor = { per_channel_quantization: 'False' };
const asymmetricWeight = { ...perTensor, params: { weight: { is_symmetric: 'False' } } };

const { defaults, params, model_input, model_output } = perChannelPreset.config;
const common = { params, model_input, model_output };

const commonOperators = { Cast: off, Mean: off, BatchNormalization: perTensor, Gather: perTensor, Gemm: perTensor, MatMul: perTensor };

/** One `op_list` for every activation that may follow these operators. */
function followedBy(operators: readonly string[], ...activations: readonly string[]): { op_list: string[] }[] {
  return activations.map(activation => ({ op_list: [...operators, activation] }));
}

/**
 * Generations before V73 of Qualcomm's Hexagon: convolutions per channel, products per tensor, and the supergroups of those generations; a
 * product and its bias are one layer by AIMET's exceptions, where later generations list a pass. What only moves data has no quantizer of its
 * own anyway.
 */
function early(hw_version: 'V68' | 'V69'): Preset {
  return {
    export: { ...UNSIGNED, exactSoftmax: false },
    config: {
      ...common,
      defaults: { ...defaults, hw_version },
      op_type: { ...commonOperators, InstanceNormalization: perTensor, LayerNormalization: perTensor },
      supergroups: [
        ...followedBy(['Conv'], 'Relu', 'Clip'), ...followedBy(['Conv', 'BatchNormalization'], 'Relu'), ...followedBy(['Conv', 'Transpose'], 'Relu'),
        ...followedBy(['ConvTranspose'], 'Relu'), ...followedBy(['Add'], 'Relu'), ...followedBy(['Gemm'], 'Relu'),
      ],
      composites: { MatMulAdd: 'True' },
    },
  };
}

/** V73 and later: more activations are fused, normalizations have asymmetric weights, and ranges that are known are fixed. */
function late(hw_version: 'V73' | 'V75' | 'V79' | 'V81'): Preset {
  return {
    export: { ...UNSIGNED, exactSoftmax: false },
    config: {
      ...common,
      defaults: { ...defaults, hw_version },
      op_type: {
        ...commonOperators,
        ...KNOWN_RANGES,
        Relu: { encoding_constraints: { min: 0 } },
        Upsample: off,
        GroupNormalization: { ...perTensor, params: { bias: { is_quantized: 'True' } } },
        InstanceNormalization: asymmetricWeight,
        LayerNormalization: asymmetricWeight,
        RMSNormalization: asymmetricWeight,
      },
      supergroups: [
        ...followedBy(['Add'], 'Relu'), ...followedBy(['Conv', 'BatchNormalization'], 'HardSwish', 'PRelu', 'LeakyRelu', 'Relu'),
        ...followedBy(['Conv', 'Transpose'], 'Relu', 'PRelu', 'LeakyRelu'), ...followedBy(['Conv'], 'Clip', 'PRelu', 'LeakyRelu', 'Relu'),
        ...followedBy(['ConvTranspose'], 'Relu'), ...followedBy(['Gemm'], 'Relu'),
      ],
      supergroup_pass_list: ['LayerNormalization', 'RMSNormalization', 'MatmulAdd'],
    },
  };
}

/** Qualcomm's Hexagon tensor processor, by generation. */
export const hexagonPresets = {
  'htp-v68': early('V68'),
  'htp-v69': early('V69'),
  'htp-v73': late('V73'),
  'htp-v75': late('V75'),
  'htp-v79': late('V79'),
  'htp-v81': late('V81'),
} as const;
