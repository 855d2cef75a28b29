import { stableJson } from '../base/stable-json.ts';
import type { EncodingTable, Placement } from '../config/placement.ts';
import { encodings100 } from './encodings-1.0.0.ts';
import { encodingsContent, type EncodingsContent } from './encodings-content.ts';

/** One writer per version of AIMET's encodings file. To add a version: its file, and a line here. */
export const encodingsVersions = {
  '1.0.0': encodings100,
} as const satisfies Record<string, (content: EncodingsContent) => unknown>;

export type EncodingsVersion = keyof typeof encodingsVersions;

/**
 * The text of `encodings.json`: an entry for every placed quantizer (tied ones and those of data movement too), and for every int32
 * bias. The same encodings give the same bytes.
 *
 * @param scheme how the ranges of activations were chosen
 */
export function encodingsJson(placement: Placement, encodings: EncodingTable, { version = '1.0.0', scheme }: { version?: EncodingsVersion; scheme: string }): string {
  return stableJson(encodingsVersions[version](encodingsContent(placement, encodings, scheme)));
}
