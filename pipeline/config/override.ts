import type { Symmetry } from '../quant/grid.ts';
import { holdingZero, rangeText } from './holding-zero.ts';
import { JsonPlace } from './json-place.ts';
import type { Constraint, FloatQuantizer } from './placement.ts';

/**
 * What a file of overrides says of one tensor, on top of the configuration; null where it says nothing. A tensor that is named has a quantizer,
 * unless it is turned off:
 *
 *     {
 *       "/attn/Softmax_output_0": { "bitwidth": 16, "symmetry": "asymmetric", "min": 0, "max": 1 },
 *       "conv1.weight": { "bitwidth": 4, "per_channel": "True" },
 *       "/norm/Mul_output_0": { "format": "float16" },
 *       "logits": { "is_quantized": "False" }
 *     }
 */
export interface Override {
  readonly tensor: string;
  readonly isQuantized: boolean | null;
  /** 2 to 32 for weights, 4 to 32 for activations. */
  readonly bitwidth: number | null;
  readonly symmetry: Symmetry | null;
  /** A 16-bit floating-point format in place of a grid. */
  readonly format: FloatQuantizer['format'] | null;
  /** One encoding for every output channel of a weight, or one for all. */
  readonly perChannel: boolean | null;
  /** Fixed ends of the range, one or both; zero lies between them. */
  readonly constraint: Constraint | null;
  readonly place: JsonPlace;
}

const KEYS = ['is_quantized', 'bitwidth', 'symmetry', 'format', 'per_channel', 'min', 'max'] as const;
const FORMATS: readonly FloatQuantizer['format'][] = ['float16', 'bfloat16'];
const SYMMETRIES: readonly Symmetry[] = ['asymmetric', 'symmetric', 'strict-symmetric', 'unsigned-symmetric'];

/**
 * Read a file of overrides: an object of settings by the names of tensors.
 *
 * @param where how messages call the file
 * @throws `config-invalid` for an unknown key and for a wrong value, with its JSON path
 */
export function parseOverrides(json: unknown, where: string): Override[] {
  return new JsonPlace(json, where).entries().map(([tensor, place]) => {
    const fields = place.fields(KEYS);
    const [min, max] = [fields.min?.float32() ?? null, fields.max?.float32() ?? null];
    if (min !== null && max !== null && min >= max) throw place.error(`min must be below max, got ${min} and ${max}`);
    const held = holdingZero({ min, max });
    if (held.min !== min || held.max !== max) throw place.error(`zero must have a code, and lies outside with ${rangeText({ min, max })}; set ${rangeText(held)}`);
    const override = {
      tensor, place,
      isQuantized: fields.is_quantized?.boolean() ?? null,
      bitwidth: fields.bitwidth?.number() ?? null,
      symmetry: fields.symmetry?.oneOf(SYMMETRIES) ?? null,
      format: fields.format?.oneOf(FORMATS) ?? null,
      perChannel: fields.per_channel?.boolean() ?? null,
      constraint: min === null && max === null ? null : { min, max },
    };
    if (override.isQuantized === false && Object.keys(fields).length > 1) throw place.error('is_quantized is "False", so nothing else can be set');
    const ofGrid = KEYS.find(key => key !== 'is_quantized' && key !== 'format' && fields[key] !== undefined);
    if (override.format !== null && ofGrid !== undefined) throw place.error(`format is "${override.format}", which has no grid, so ${ofGrid} cannot be set`);
    return override;
  });
}
