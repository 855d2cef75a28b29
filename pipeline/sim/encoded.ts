import { QuantpipeError } from '../base/errors.ts';
import type { CalibrateOptions } from '../calibrate/calibrate.ts';
import type { WithoutRange } from '../calibrate/without-range.ts';
import type { EncodingTable, Placement } from '../config/placement.ts';
import { applyEncodings, biasStepWarnings } from '../export/index.ts';
import type { Model } from '../graph/graph.ts';
import { Kernels } from '../kernels/index.ts';
import { missingShards } from '../observers/merge.ts';
import type { Statistics } from '../observers/statistics.ts';
import { encodingQuality, type QuantizerQuality } from './quality.ts';
import type { Schemes } from './schemes.ts';
import { readEncodingsFile } from './settings.ts';
import type { StartingPoint } from './starting-point.ts';
import { narrowBiasWarnings, widenedRangeWarnings } from './warnings.ts';

/** A simulation that has its encodings. */
export interface Encoded {
  /** The quantizers that there are; encodings from a file may leave some out that were placed. */
  readonly placement: Placement;
  readonly encodings: EncodingTable;
  /** Tensors whose encodings came from a file. */
  readonly loaded: ReadonlySet<string>;
  /** Of the encodings that were searched. */
  readonly quality: readonly QuantizerQuality[];
  readonly warnings: readonly string[];
}

export interface EncodedOptions extends Schemes, Pick<CalibrateOptions, 'signal' | 'workers'> {
  readonly exactSoftmax: boolean;
  /** Place anew with these tensors left in float: what becomes of those of which nothing finite was seen. Where it is absent, they are an error. */
  readonly withFloat?: (tensors: readonly string[]) => StartingPoint;
}

/** @throws statistics-invalid where they are not of the model of this hash */
export async function fromStatistics(model: Model, hash: string, start: StartingPoint, statistics: Statistics, options: EncodedOptions): Promise<Encoded> {
  if (statistics.model !== hash) {
    throw new QuantpipeError('statistics-invalid', 'the statistics are of another model', { statistics: statistics.model, model: hash });
  }
  const [{ encode }, { withoutRange }] = await Promise.all([import('../calibrate/encode.ts'), import('../calibrate/without-range.ts')]);
  // Where nothing finite was seen at all, the data or the model is at fault, and encode says so.
  const empty = options.withFloat === undefined || !someFinite(statistics) ? [] : withoutRange(start.placement, statistics, start.frozen);
  const { placement, frozen, biasesInFile } = empty.length === 0 ? start : options.withFloat!(empty.flatMap(({ tensors }) => tensors));
  const encodings = await encode(model, placement, statistics, { ...options, frozen });
  const searched = placement.quantizers.filter(({ tensor }) => !frozen.has(tensor));
  const missing = missingShards(statistics);
  return {
    placement, encodings, loaded: new Set(frozen.keys()),
    quality: encodingQuality(model.graph, { ...placement, quantizers: searched }, encodings, statistics, await Kernels.load()),
    warnings: [...empty.map(leftInFloat), ...(missing === null ? [] : [`the statistics are of part of the data: ${missing}`]), ...widenedRangeWarnings(placement, encodings, frozen), ...narrowBiasWarnings(model, placement, encodings), ...biasStepWarnings(model.graph, placement, encodings, biasesInFile)],
  };
}

function someFinite({ tensors }: Statistics): boolean {
  return [...tensors.values()].some(({ min, max }) => min <= max);
}

function leftInFloat({ tensors, fact }: WithoutRange): string {
  const [first, ...others] = tensors;
  return `'${first}'${others.length === 0 ? '' : ` (and ${others.map(name => `'${name}'`).join(', ')}, which would share its encoding)`} was left in float: ${fact}; an override may give it a range`;
}

/** @param path of an encodings file, of any version */
export async function fromFile(model: Model, placed: Placement, path: string): Promise<Encoded> {
  const { placement, encodings, biasesInFile, warnings } = applyEncodings(model, placed, await readEncodingsFile(path));
  return { placement, encodings, loaded: new Set(encodings.keys()), quality: [], warnings: [...warnings, ...narrowBiasWarnings(model, placement, encodings), ...biasStepWarnings(model.graph, placement, encodings, biasesInFile)] };
}
