import { QuantpipeError } from '../base/errors.ts';
import { stableJson } from '../base/stable-json.ts';
import type { EncodingTable, Placement, Quantizer } from '../config/placement.ts';
import type { Model } from '../graph/graph.ts';
import { type Encoding, fitEncoding } from '../quant/encoding.ts';
import { encodings061 } from './encodings-0.6.1.ts';
import { encodings100 } from './encodings-1.0.0.ts';
import { encodings200 } from './encodings-2.0.0.ts';
import { encodingsContent, type EncodingsWriter, isMovedConstant, type NamedContent } from './encodings-content.ts';

/** One writer per version of AIMET's encodings file. To add a version: its file, and a line here. */
export const encodingsVersions = {
  '0.6.1': encodings061,
  '1.0.0': encodings100,
  '2.0.0': encodings200,
} as const satisfies Record<string, EncodingsWriter>;

export type EncodingsVersion = keyof typeof encodingsVersions;

export interface EncodingsOptions {
  /** Default '1.0.0'. */
  readonly version?: EncodingsVersion;
  /** How the ranges of activations were chosen. */
  readonly scheme: string;
}

/**
 * The text of `encodings.json`: an entry for every placed quantizer (tied ones and those of data movement too), and for every int32
 * bias. The same encodings give the same bytes.
 *
 * @throws QuantpipeError `op-unsupported` where the version has no words for a tensor's grid, granularity or format
 */
export function encodingsJson({ graph }: Model, placement: Placement, encodings: EncodingTable, { version = '1.0.0', scheme }: EncodingsOptions): string {
  const content = encodingsContent(graph, placement, encodings, scheme);
  for (const named of [...content.activations, ...content.parameters]) checkCarried(named, version);
  return stableJson(encodingsVersions[version].write(content));
}

/**
 * Find out before the encodings are there whether a version will have words for them, whatever the data. (What else depends on them,
 * {@link encodingsJson} tells.)
 *
 * @param known encodings that are there already
 * @throws QuantpipeError `op-unsupported`, as there
 */
export function checkEncodingsVersion({ quantizers, floats }: Placement, version: EncodingsVersion, known: EncodingTable = new Map()): void {
  for (const quantizer of quantizers.filter(quantizer => !isMovedConstant(quantizer))) {
    const { tensor, grid, granularity } = quantizer;
    checkCarried({ kind: 'integer', tensor, grid, granularity, dims: [], encodings: known.get(tensor) ?? foreseen(quantizer) }, version);
  }
  for (const { tensor, format } of floats) checkCarried({ kind: 'float', tensor, format }, version);
}

/** The encoding that a fixed range leads to; none where data will decide. A range from zero up has the offset 0 wherever it ends. */
function foreseen({ constraint, grid }: Quantizer): Encoding[] {
  if (constraint === null || constraint.min === null || (constraint.max === null && constraint.min < 0)) return [];
  return [fitEncoding(Math.min(constraint.min, 0), constraint.max ?? 1, grid)];
}

/** What the user should know of a file of this version: one sentence each. */
export function encodingsWarnings({ floats }: Placement, version: EncodingsVersion): string[] {
  if (version !== '2.0.0' || floats.length === 0) return [];
  return [`encodings 2.0.0 has no entry for floating-point formats: ${floats.length} ${floats.length === 1 ? 'tensor' : 'tensors'} (first '${floats[0]!.tensor}', ${floats[0]!.format}) ` +
    `${floats.length === 1 ? 'is' : 'are'} left out, and converters must be told to take the rest for float`];
}

function checkCarried(content: NamedContent, version: EncodingsVersion): void {
  const lacking = encodingsVersions[version].lacks(content);
  if (lacking === null) return;
  const able = Object.entries(encodingsVersions).filter(([, { lacks }]) => lacks(content) === null).map(([name]) => name);
  const isLeftOut = content.kind === 'float' && able.join() === '2.0.0'; // see encodingsWarnings
  const others = isLeftOut ? '2.0.0 leaves it out' : able.length === 0 ? 'no version can' : `${able.join(' and ')} can`;
  throw new QuantpipeError('op-unsupported', `encodings ${version} cannot say what '${content.tensor}' has: ${lacking}; ${others}`, { tensor: content.tensor });
}
