import { type EncodingsContent, type EncodingsWriter, isSymmetric, type NamedContent } from './encodings-content.ts';

/** What the file says of a tensor, one record per channel. Booleans are words; `offset` is never positive. */
type Record061 =
  | { readonly bitwidth: number; readonly dtype: 'int'; readonly is_symmetric: 'True' | 'False'; readonly min: number; readonly max: number; readonly scale: number; readonly offset: number }
  | { readonly bitwidth: 16; readonly dtype: 'float' };

/** AIMET's format 0.6.1: objects from tensor to records, one object for activations and one for parameters. */
export const encodings061: EncodingsWriter = {
  write({ activations, parameters, quantizerArgs, excludedLayers }: EncodingsContent) {
    return {
      version: '0.6.1',
      activation_encodings: Object.fromEntries(activations.map(content => [content.tensor, records(content)])),
      param_encodings: Object.fromEntries(parameters.map(content => [content.tensor, records(content)])),
      quantizer_args: {
        activation_bitwidth: quantizerArgs.activationBits,
        dtype: quantizerArgs.dtype,
        is_symmetric: word(quantizerArgs.isSymmetric),
        param_bitwidth: quantizerArgs.weightBits,
        per_channel_quantization: word(quantizerArgs.isPerChannel),
        quant_scheme: quantizerArgs.scheme,
      },
      excluded_layers: excludedLayers,
    };
  },

  lacks(content) {
    if (content.kind === 'float') return content.format === 'float16' ? null : content.format;
    return content.granularity.kind === 'block' ? 'blocks' : null;
  },
};

function records(content: NamedContent): Record061[] {
  if (content.kind === 'float') return [{ bitwidth: 16, dtype: 'float' }];
  return content.encodings.map(({ min, max, delta, offset }) => (
    { bitwidth: content.grid.bitwidth, dtype: 'int', is_symmetric: word(isSymmetric(content.grid)), min, max, scale: delta, offset }));
}

const word = (is: boolean): 'True' | 'False' => is ? 'True' : 'False';
