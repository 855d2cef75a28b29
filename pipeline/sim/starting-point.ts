import { parseOverrides } from '../config/override.ts';
import type { EncodingTable, Placement } from '../config/placement.ts';
import { placeQuantizers } from '../config/place-quantizers.ts';
import type { ExportWish } from '../config/presets/index.ts';
import { startFromEncodings } from '../export/index.ts';
import type { Model } from '../graph/graph.ts';
import type { QuantSimOptions } from './options.ts';
import type { Settings } from './settings.ts';

const FULL_RANGE_BITS = 8;
const REDUCED_BITS = 7;

/** What a simulation begins with. */
export interface StartingPoint {
  readonly placement: Placement;
  /** Encodings that calibrating keeps. */
  readonly frozen: EncodingTable;
  /** What a file whose encodings are frozen says of int32 biases. */
  readonly biasesInFile: EncodingTable;
  readonly warnings: readonly string[];
}

/** Place the quantizers of a prepared model as configuration and options say, and as the encodings file does where one is loaded. */
export function startingPoint(model: Model, options: QuantSimOptions, { config, overrides, encodings }: Settings, wish: ExportWish): StartingPoint {
  const { quantizeBias = wish.quantizeBias, freeze = false, activationFormat, ...others } = options;
  const format = activationFormat === undefined || activationFormat === 'float32' ? {} : { activationFormat };
  const placement = placeQuantizers(model, config, { ...others, ...format, ...reducedRange(options), quantizeBias, overrides });
  if (encodings === null) return { placement, frozen: new Map(), biasesInFile: new Map(), warnings: placement.warnings };
  const start = startFromEncodings(model, placement, encodings, { freeze });
  return { ...start, warnings: [...placement.warnings, ...start.warnings] };
}

const NEVER_FINITE = 'it never held a finite value';

/** The same with these tensors left in float, as by an override, because they never held a finite value. */
export function withTensorsInFloat(model: Model, options: QuantSimOptions, settings: Settings, wish: ExportWish, tensors: readonly string[]): StartingPoint {
  const off = Object.fromEntries(tensors.map(tensor => [tensor, { is_quantized: false }]));
  const kept = settings.overrides.filter(({ tensor }) => !tensors.includes(tensor));
  const start = startingPoint(model, options, { ...settings, overrides: [...kept, ...parseOverrides(off, 'tensors without a finite value')] }, wish);
  const float = start.placement.float.map(left => left.kind === 'tensor' && tensors.includes(left.name) ? { ...left, reason: NEVER_FINITE } : left);
  return { ...start, placement: { ...start.placement, float } };
}

/** Whether activations stay in float, or in formats that need no observation, or have frozen encodings: then only the values of the weights are looked at. */
export function needsNoData({ placement: { quantizers, floats }, frozen }: StartingPoint): boolean {
  return floats.length + frozen.size + quantizers.length > 0 && quantizers.every(({ observed }) => observed.length === 0);
}

/** A reduced range is that of one bit less; other bit-widths have room already. */
function reducedRange({ reduceRange = false, weightBitwidth = FULL_RANGE_BITS }: QuantSimOptions): Pick<QuantSimOptions, 'weightBitwidth'> {
  return reduceRange && weightBitwidth === FULL_RANGE_BITS ? { weightBitwidth: REDUCED_BITS } : {};
}
