import type { SchemeName } from '../analyzers/index.ts';
import type { FileContent } from '../base/atomic-file.ts';
import type { EncodingTable, Placement } from '../config/placement.ts';
import { writeStatistics } from '../data/index.ts';
import { encodingsArrow, encodingsJson, type EncodingsVersion } from '../export/index.ts';
import type { Model } from '../graph/graph.ts';
import type { Statistics } from '../observers/statistics.ts';
import { modelParts, needsParts, writeModel } from '../onnx/write-model.ts';
import type { exportNames } from './outputs.ts';

/** What an export consists of. */
export interface Exported {
  /** The float model that the encodings speak of. */
  readonly model: Model;
  /** The same with integer weights, QuantizeLinear and DequantizeLinear. */
  readonly quantized: Model;
  readonly placement: Placement;
  readonly encodings: EncodingTable;
  /** null where the encodings were loaded. */
  readonly statistics: Statistics | null;
  readonly schemes: { readonly activation: SchemeName; readonly weight: SchemeName; readonly loaded: ReadonlySet<string> };
  readonly version: EncodingsVersion;
}

/** The files by name; null for one that must not be there. */
export async function exportFiles({ model, quantized, placement, encodings, statistics, schemes, version }: Exported): Promise<Record<(typeof exportNames)[number], FileContent | null>> {
  const isLarge = needsParts(model);
  return {
    'encodings.json': encodingsJson(model, placement, encodings, { version, scheme: schemes.activation }),
    ...modelFiles('model.onnx', model, isLarge),
    ...modelFiles('model.qdq.onnx', quantized, isLarge),
    'encodings.arrow': await encodingsArrow(model, placement, encodings, schemes, statistics),
    'statistics.arrow': statistics && writeStatistics(statistics),
  };
}

/** The files of a model: one, or one with the weights beside it where the model is large. */
function modelFiles<N extends 'model.onnx' | 'model.qdq.onnx'>(name: N, model: Model, isLarge: boolean): Record<N | `${N}.data`, FileContent | null> {
  const files = (weights: FileContent | null, bytes: Uint8Array) => ({ [`${name}.data`]: weights, [name]: bytes }) as Record<N | `${N}.data`, FileContent | null>;
  if (!isLarge) return files(null, writeModel(model));
  const { model: bytes, weights } = modelParts(model, `${name}.data`);
  return files(weights(), bytes);
}
