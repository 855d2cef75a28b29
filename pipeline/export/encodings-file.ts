import type { QuantpipeError } from '../base/errors.ts';
import type { JsonPlace } from '../config/json-place.ts';
import type { Encoding } from '../quant/encoding.ts';
import { grid, steps, type Symmetry } from '../quant/grid.ts';

/** What an encodings file holds, whatever its version. */
export interface EncodingsFile {
  readonly version: string;
  /** By tensor, in the order of the file: activations, weights and int32 biases. */
  readonly entries: ReadonlyMap<string, FileEntry>;
}

/** What a file says of one tensor, and where. */
export type FileEntry =
  | { readonly kind: 'integer'; readonly place: JsonPlace; readonly layout: FileLayout; readonly encodings: readonly Encoding[] }
  | { readonly kind: 'float'; readonly place: JsonPlace; readonly format: 'float16' };

/** How the encodings of a tensor divide it. An axis is null where the file leaves it to the operator that reads the tensor. */
export type FileLayout =
  | { readonly kind: 'tensor' }
  | { readonly kind: 'channel'; readonly axis: number | null }
  | { readonly kind: 'block'; readonly axis: number | null; readonly channelAxis: number | null; readonly blockSize: number; readonly decompressedBitwidth: number | null };

/** The required and the optional fields of an object. Others are passed over: makers of files add their own. */
export class Fields {
  readonly #fields: ReadonlyMap<string, JsonPlace>;
  readonly #place: JsonPlace;

  constructor(place: JsonPlace) {
    this.#place = place;
    this.#fields = new Map(place.entries());
  }

  get(key: string): JsonPlace {
    const field = this.#fields.get(key);
    if (field === undefined) throw this.#place.error(`has no '${key}'`);
    return field;
  }

  find(key: string): JsonPlace | null {
    return this.#fields.get(key) ?? null;
  }
}

/** Entries by tensor; no tensor has two. */
export function entriesByTensor(entries: Iterable<readonly [tensor: string, entry: FileEntry]>): Map<string, FileEntry> {
  const byTensor = new Map<string, FileEntry>();
  for (const [tensor, entry] of entries) {
    const earlier = byTensor.get(tensor);
    if (earlier !== undefined) throw entry.place.error(`'${tensor}' has an entry already, ${earlier.place.path}`);
    byTensor.set(tensor, entry);
  }
  return byTensor;
}

export function integerAt(place: JsonPlace, least: number, most: number): number {
  if (!Number.isInteger(place.value) || (place.value as number) < least || (place.value as number) > most) throw place.expected(`an integer from ${least} to ${most}`);
  return (place.value as number) + 0;
}

/** A scale: every model has it as a float32. */
export function positiveAt(place: JsonPlace): number {
  if (typeof place.value !== 'number' || !(place.value > 0)) throw place.expected('a positive number');
  const stored = Math.fround(place.value);
  if (stored === 0 || stored === Infinity) throw place.expected('a number that float32 can hold');
  return place.value;
}

/** Refuses a zero point that lies between two codes. */
export function zeroWithoutCode(place: JsonPlace, zeroPoint: string): QuantpipeError {
  return place.error(`a zero point ${zeroPoint} leaves zero without a code; only whole ones can be simulated`);
}

export const bitwidthAt = (place: JsonPlace): number => integerAt(place, 2, 32);

/** The encoding with a step and an offset that a file gives. Its ends follow from them: what files say of ends is rounded. */
export function encodingAt(scale: JsonPlace, offset: JsonPlace, bitwidth: number, isSymmetric: boolean): Encoding {
  const lowest = integerAt(offset, 1 - 2 ** bitwidth, 0);
  const centre = -(2 ** (bitwidth - 1));
  if (isSymmetric && ![centre, centre + 1, 0].includes(lowest)) throw offset.expected(`${centre}, ${centre + 1} or 0, those of symmetric grids of ${bitwidth} bits`);
  return encodingOf(positiveAt(scale), lowest, bitwidth, isSymmetric);
}

export function encodingOf(delta: number, offset: number, bitwidth: number, isSymmetric: boolean): Encoding {
  const codes = grid(bitwidth, symmetryOf(offset, bitwidth, isSymmetric));
  return { delta, offset, min: delta * offset, max: delta * (steps(codes) + offset), grid: codes };
}

/**
 * The encodings of one tensor, on one grid. Channels without negative values may have the offset 0 beside others that are symmetric.
 *
 * @throws where bit-width or symmetry differ otherwise
 */
export function onOneGrid(place: JsonPlace, encodings: readonly Encoding[]): Encoding[] {
  const [{ grid: first }] = encodings as [Encoding];
  const odd = encodings.findIndex(({ grid }) => grid.bitwidth !== first.bitwidth || !areOneGrid(grid.symmetry, first.symmetry));
  if (odd >= 0) {
    const { bitwidth, symmetry } = encodings[odd]!.grid;
    throw place.error(`channel 0 is ${first.symmetry} with ${first.bitwidth} bits, channel ${odd} is ${symmetry} with ${bitwidth}; the channels of a tensor have one grid`);
  }
  const isMixed = encodings.some(({ grid }) => grid.symmetry !== first.symmetry);
  return encodings.map(encoding => ({ ...encoding, grid: isMixed ? grid(first.bitwidth, 'unsigned-symmetric') : first }));
}

/** What channels of an unsigned-symmetric grid look like: those without negative values, and the others. */
const FULL: readonly Symmetry[] = ['symmetric', 'unsigned-symmetric'];

const areOneGrid = (a: Symmetry, b: Symmetry): boolean => a === b || (FULL.includes(a) && FULL.includes(b));

/** Files name no symmetry beyond whether there is one; the offset tells which kind it is. */
function symmetryOf(offset: number, bitwidth: number, isSymmetric: boolean): Symmetry {
  if (!isSymmetric) return 'asymmetric';
  if (offset === 0) return 'unsigned-symmetric';
  return offset === -(2 ** (bitwidth - 1)) + 1 ? 'strict-symmetric' : 'symmetric';
}
