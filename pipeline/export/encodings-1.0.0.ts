import { isSymmetric, type EncodingsContent, type NamedEncodings } from './encodings-content.ts';

/** What the file says of a tensor: AIMET's names and signs (`offset` is never positive). */
interface Record100 {
  readonly name: string;
  readonly enc_type: 'PER_TENSOR' | 'PER_CHANNEL';
  readonly dtype: 'INT';
  readonly bw: number;
  readonly is_sym: boolean;
  readonly scale: readonly number[];
  readonly offset: readonly number[];
}

/** Encodings in AIMET's format 1.0.0: a list of records for activations and one for parameters. */
export function encodings100({ activations, parameters, quantizerArgs, excludedLayers }: EncodingsContent): unknown {
  return {
    version: '1.0.0',
    activation_encodings: activations.map(record),
    param_encodings: parameters.map(record),
    quantizer_args: {
      activation_bitwidth: quantizerArgs.activationBits,
      dtype: 'int',
      is_symmetric: quantizerArgs.isSymmetric,
      param_bitwidth: quantizerArgs.weightBits,
      per_channel_quantization: quantizerArgs.isPerChannel,
      quant_scheme: quantizerArgs.scheme,
    },
    excluded_layers: excludedLayers,
  };
}

function record({ tensor, isPerChannel, encodings }: NamedEncodings): Record100 {
  const { grid } = encodings[0]!;
  return {
    name: tensor,
    enc_type: isPerChannel ? 'PER_CHANNEL' : 'PER_TENSOR',
    dtype: 'INT',
    bw: grid.bitwidth,
    is_sym: isSymmetric(grid),
    scale: encodings.map(({ delta }) => delta),
    offset: encodings.map(({ offset }) => offset),
  };
}
