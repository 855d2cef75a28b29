import { type Preset, UNSIGNED } from './preset.ts';

/**
 * Per tensor, like AIMET's default: all activations asymmetric, parameters symmetric, no bias quantizers of their own.
 *
 * Other than there: units may end in Clip (ReLU6 is exported as Relu and Clip); the parameters of normalizations keep their values, because
 * runtimes compute these in float; and a MatMul and the Add of its bias are two layers, because ONNX Runtime has an integer kernel for each.
 */
export const defaultPreset = {
  export: UNSIGNED,
  config: {
    defaults: {
      ops: { is_output_quantized: 'True' },
      params: { is_quantized: 'True', is_symmetric: 'True' },
      strict_symmetric: 'False',
      unsigned_symmetric: 'False',
      per_channel_quantization: 'False',
    },
    params: {
      bias: { is_quantized: 'False' },
      running_mean: { is_quantized: 'False' },
      running_var: { is_quantized: 'False' },
    },
    op_type: {
      Cast: { is_output_quantized: 'False' },
      Mean: { is_output_quantized: 'False' },
      BatchNormalization: { params: { weight: { is_quantized: 'False' } } },
      GroupNormalization: { params: { weight: { is_quantized: 'False' } } },
      InstanceNormalization: { params: { weight: { is_quantized: 'False' } } },
      LayerNormalization: { params: { weight: { is_quantized: 'False' } } },
      RMSNormalization: { params: { weight: { is_quantized: 'False' } } },
    },
    supergroups: [
      { op_list: ['Conv', 'Relu', 'Clip'] },
      { op_list: ['Conv', 'Relu'] },
      { op_list: ['Conv', 'Clip'] },
      { op_list: ['ConvTranspose', 'Relu', 'Clip'] },
      { op_list: ['ConvTranspose', 'Relu'] },
      { op_list: ['ConvTranspose', 'Clip'] },
      { op_list: ['Gemm', 'Relu', 'Clip'] },
      { op_list: ['Gemm', 'Relu'] },
      { op_list: ['Gemm', 'Clip'] },
      { op_list: ['Add', 'Relu', 'Clip'] },
      { op_list: ['Add', 'Relu'] },
      { op_list: ['Add', 'Clip'] },
    ],
    model_input: { is_input_quantized: 'True' },
    model_output: {},
  },
} satisfies Preset;
