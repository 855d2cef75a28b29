import { QuantpipeError } from '../base/errors.ts';
import type { Node, Value } from '../graph/node.ts';
import { type Granularity, PER_TENSOR } from '../quant/granularity.ts';
import type { Parameter } from './params.ts';
import type { QuantsimConfig } from './quantsim-config.ts';
import type { TensorSetting } from './tensor-settings.ts';

/** Blocks for every weight whose operator has input channels. */
export interface BlockOptions {
  readonly blockSize: number;
  /** LPBQ: the deltas of a channel's blocks are whole multiples of one, so that codes times multiples fit so many bits. */
  readonly decompressedBitwidth: number | null;
  /** What to do where the input channels are no multiple of the block size: an error, or the granularity of the configuration. */
  readonly undivided: 'refuse' | 'skip';
}

/** A parameter where an operator reads it. */
export interface ReadParameter {
  readonly node: Node;
  readonly parameter: Parameter;
  readonly value: Value;
}

/** What the encodings of a parameter are for. */
export interface Division {
  readonly granularity: Granularity;
  /** Where operators that share the parameter would divide it differently, who and by which rules; null where they agree. */
  readonly disagreement: string | null;
}

/**
 * How a parameter is divided. Where several operators read it, a later section overrules an earlier one, as always, and what op_type says of
 * them must agree. Operators that still differ (their channels lie elsewhere, or they have none) share one encoding for the whole tensor.
 *
 * @param readers all that read one parameter
 * @throws `config-invalid` where op_type contradicts itself, with both rules
 */
export function divisionOf(readers: readonly ReadParameter[], setting: TensorSetting, config: QuantsimConfig, blocks: BlockOptions | null): Division {
  const demand = demandOf(readers, config);
  const wishes = readers.map(at => wishOf(at, setting, config, blocks, demand));
  const [first, ...others] = wishes;
  const other = others.find(({ granularity }) => JSON.stringify(granularity) !== JSON.stringify(first!.granularity));
  if (other === undefined) return { granularity: first!.granularity, disagreement: null };
  return { granularity: PER_TENSOR, disagreement: `${first!.node.title} would have it ${described(first!)}, ${other.node.title} ${described(other)}` };
}

/** A parameter as one of its readers would have it divided, and the rule that says so. */
interface Wish {
  readonly node: Node;
  readonly granularity: Granularity;
  readonly rule: string;
}

function wishOf(at: ReadParameter, setting: TensorSetting, { opTypes, defaults }: QuantsimConfig, blocks: BlockOptions | null, demand: string | null): Wish {
  const { node, parameter: { channelAxis }, value } = at;
  const block = blockOf(at, setting, blocks);
  if (block !== null) return { node, granularity: block, rule: 'the block size that was asked for' };
  const axis = channelAxis?.(node, value.initializer!.dims.length) ?? null;
  if (axis === null) return { node, granularity: PER_TENSOR, rule: 'its nature: it has no output channels there' };
  const own = opTypes.get(node.opType)?.perChannel ?? null;
  const isPerChannel = own ?? (demand !== null || defaults.perChannel);
  const rule = own !== null ? perChannelPath(node) : demand ?? 'defaults.per_channel_quantization';
  return { node, granularity: isPerChannel ? { kind: 'channel', axis } : PER_TENSOR, rule };
}

/** The line of op_type that asks for channels of a parameter, which speaks for operators that op_type says nothing of, too. */
function demandOf(readers: readonly ReadParameter[], { opTypes }: QuantsimConfig): string | null {
  const saying = (perChannel: boolean) => readers.find(({ node, parameter }) => parameter.channelAxis !== undefined && opTypes.get(node.opType)?.perChannel === perChannel);
  const [on, off] = [saying(true), saying(false)];
  if (on !== undefined && off !== undefined) {
    throw new QuantpipeError('config-invalid', `${perChannelPath(on.node)} and ${perChannelPath(off.node)} contradict each other about tensor '${on.value.name}'`, { tensor: on.value.name });
  }
  return on === undefined ? null : perChannelPath(on.node);
}

const perChannelPath = ({ opType }: Node): string => `op_type.${opType}.per_channel_quantization`;

function described({ granularity, rule }: Wish): string {
  if (granularity.kind === 'tensor') return `per tensor by ${rule}`;
  return granularity.kind === 'channel' ? `per channel of axis ${granularity.axis} by ${rule}` : `in blocks of ${granularity.blockSize} along axis ${granularity.axis} by ${rule}`;
}

/** Blocks, where they are asked for and the parameter has input channels; null elsewhere. */
function blockOf({ node, parameter, value }: ReadParameter, { isQuantized, isSymmetric, rule }: TensorSetting, blocks: BlockOptions | null): Granularity | null {
  const { dims } = value.initializer!;
  const axis = parameter.blockAxis?.(node, dims.length) ?? null;
  const channelAxis = parameter.channelAxis?.(node, dims.length) ?? null;
  if (blocks === null || axis === null || channelAxis === null || !isQuantized) return null;
  const { blockSize, decompressedBitwidth, undivided } = blocks;
  if (dims[axis]! % blockSize !== 0) {
    if (undivided === 'skip') return null;
    throw new QuantpipeError('config-invalid',
      `blocks of ${blockSize} do not divide dimension ${axis} of weight '${value.name}' [${dims.join(', ')}], which is ${dims[axis]}: choose another block size, or leave out what it does not divide (--block-skip)`,
      { tensor: value.name, dimension: axis, size: dims[axis]!, blockSize });
  }
  if (decompressedBitwidth !== null && !isSymmetric) {
    throw new QuantpipeError('config-invalid', `multiples of a delta (LPBQ) need symmetric grids, and weight '${value.name}' is asymmetric by ${rule?.path ?? 'default'}`, { tensor: value.name });
  }
  return { kind: 'block', axis, blockSize, channelAxis, decompressedBitwidth };
}
