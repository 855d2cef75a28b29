import { channelMultiples } from '../quant/lpbq.ts';
import { type EncodingsContent, type EncodingsWriter, isSymmetric, type NamedContent, type NamedEncodings } from './encodings-content.ts';

/** What the file says of a tensor: AIMET's names and signs (`offset` is never positive). Which axis has the channels is for the operator to know. */
type Record100 = IntegerRecord100 | { readonly name: string; readonly enc_type: 'PER_TENSOR'; readonly dtype: 'FLOAT'; readonly bw: 16 };

interface IntegerRecord100 {
  readonly name: string;
  readonly enc_type: 'PER_TENSOR' | 'PER_CHANNEL' | 'PER_BLOCK' | 'LPBQ';
  readonly dtype: 'INT';
  /** Of LPBQ: the bits that codes times multiples fit. */
  readonly bw: number;
  readonly is_sym: boolean;
  /** Of LPBQ: one per channel. */
  readonly scale: readonly number[];
  readonly offset: readonly number[];
  readonly block_size?: number;
  readonly compressed_bw?: number;
  readonly per_block_int_scale?: readonly number[];
}

/** Lowest int32: what `offset` holds. */
const LOWEST_OFFSET = -(2 ** 31);
/** Bits that the multiples of LPBQ may take: up to 2^15, which uint16 holds. */
const MULTIPLE_BITS = 15;

/** AIMET's format 1.0.0: a list of records for activations and one for parameters. */
export const encodings100: EncodingsWriter = {
  write({ activations, parameters, quantizerArgs, excludedLayers }: EncodingsContent) {
    return {
      version: '1.0.0',
      activation_encodings: activations.map(record),
      param_encodings: parameters.map(record),
      quantizer_args: {
        activation_bitwidth: quantizerArgs.activationBits,
        dtype: quantizerArgs.dtype,
        is_symmetric: quantizerArgs.isSymmetric,
        param_bitwidth: quantizerArgs.weightBits,
        per_channel_quantization: quantizerArgs.isPerChannel,
        quant_scheme: quantizerArgs.scheme,
      },
      excluded_layers: excludedLayers,
    };
  },

  lacks(content) {
    if (content.kind === 'float') return content.format === 'float16' ? null : content.format;
    const { grid, granularity, encodings } = content;
    if (encodings.some(({ offset }) => offset < LOWEST_OFFSET)) return 'an offset below int32';
    if (encodings.length === 0 && grid.bitwidth === 32 && grid.symmetry === 'asymmetric') return 'an asymmetric 32-bit grid, whose offset may lie below int32';
    if (granularity.kind !== 'block' || granularity.decompressedBitwidth === null) return null;
    if (encodings.some(({ offset }) => offset !== -(2 ** (grid.bitwidth - 1)))) return 'multiples of a delta (LPBQ) with another offset than that of a symmetric grid';
    if (grid.symmetry === 'strict-symmetric') return 'multiples of a delta (LPBQ) on a strict-symmetric grid';
    return granularity.decompressedBitwidth - grid.bitwidth > MULTIPLE_BITS ? 'multiples of a delta (LPBQ) beyond uint16' : null;
  },
};

function record(content: NamedContent): Record100 {
  if (content.kind === 'float') return { name: content.tensor, enc_type: 'PER_TENSOR', dtype: 'FLOAT', bw: 16 };
  const { granularity } = content;
  switch (granularity.kind) {
    case 'tensor': return integerRecord(content, 'PER_TENSOR');
    case 'channel': return integerRecord(content, 'PER_CHANNEL');
    case 'block': return granularity.decompressedBitwidth === null
      ? { ...integerRecord(content, 'PER_BLOCK'), block_size: granularity.blockSize }
      : lpbqRecord({ ...content, granularity }, granularity.decompressedBitwidth);
  }
}

function integerRecord({ tensor, grid, encodings }: NamedEncodings, type: IntegerRecord100['enc_type']): IntegerRecord100 {
  return {
    name: tensor,
    enc_type: type,
    dtype: 'INT',
    bw: grid.bitwidth,
    is_sym: isSymmetric(grid),
    scale: encodings.map(({ delta }) => delta),
    offset: encodings.map(({ offset }) => offset),
  };
}

function lpbqRecord(content: NamedEncodings & { granularity: { kind: 'block' } }, decompressedBitwidth: number): IntegerRecord100 {
  const { deltas, multiples } = channelMultiples(content, decompressedBitwidth);
  return {
    ...integerRecord(content, 'LPBQ'),
    bw: decompressedBitwidth,
    compressed_bw: content.grid.bitwidth,
    block_size: content.granularity.blockSize,
    per_block_int_scale: multiples,
    scale: deltas,
    offset: deltas.map(() => -(2 ** (decompressedBitwidth - 1))),
  };
}
