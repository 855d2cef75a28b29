import { OVERRIDDEN_TO_FLOAT } from '../config/left-in-float.ts';
import type { FloatQuantizer, Placement, Quantizer } from '../config/placement.ts';
import type { Graph } from '../graph/graph.ts';
import type { EncodingsFile, FileEntry } from './encodings-file.ts';
import { granularityOf } from './file-granularity.ts';

/** A file without what overrides put something else in the place of, and a sentence for each. */
export interface BelowOverrides {
  readonly file: EncodingsFile;
  readonly leftOut: ReadonlySet<string>;
  readonly warnings: readonly string[];
}

/**
 * What of a file is left below the overrides, which lie on top of everything: a tensor that an override leaves in float stays in float, and one that it
 * gives another grid, format or range is calibrated anew. Where nothing is calibrated (`rest` is 'drop') the file holds for the latter, and it is told.
 */
export function belowOverrides(graph: Graph, placement: Placement, file: EncodingsFile, { rest = 'drop' }: { readonly rest?: 'drop' | 'keep' }): BelowOverrides {
  const entries = new Map(file.entries);
  const off = overriddenToFloat(placement).filter(tensor => entries.has(tensor));
  const other = [...placement.quantizers, ...placement.floats].filter(quantizer => isOverridden(quantizer) && differs(graph, quantizer, entries.get(quantizer.tensor))).map(({ tensor }) => tensor);
  const leftOut = new Set([...off, ...(rest === 'keep' ? other : [])]);
  for (const tensor of leftOut) entries.delete(tensor);
  const otherFate = rest === 'keep' ? 'is calibrated as the override says, and not as the file does' : 'has the encoding of the file, and not what the override says: for that, calibrate';
  return {
    file: { ...file, entries }, leftOut,
    warnings: [
      ...off.map(tensor => `'${tensor}' stays in float as an override says, and what the file says of it is left out`),
      ...other.map(tensor => `'${tensor}' ${otherFate}`),
    ],
  };
}

/** The tensors that overrides leave in float. */
export function overriddenToFloat({ float }: Placement): string[] {
  return float.filter(({ kind, reason }) => kind === 'tensor' && reason === OVERRIDDEN_TO_FLOAT).map(({ name }) => name);
}

/** Whether an override says more of a tensor than that it is quantized. */
function isOverridden({ rule: { section, path } }: Quantizer | FloatQuantizer): boolean {
  return section === 'override' && !path.endsWith('.is_quantized');
}

function differs(graph: Graph, quantizer: Quantizer | FloatQuantizer, entry: FileEntry | undefined): boolean {
  if (entry === undefined) return false;
  if ('format' in quantizer || entry.kind === 'float') return !('format' in quantizer && entry.kind === 'float' && quantizer.format === entry.format);
  const { grid, constraint, granularity } = quantizer;
  const same = [[grid, entry.encodings[0]!.grid], [granularity, granularityOf(graph, quantizer, entry)]].every(([own, told]) => JSON.stringify(own) === JSON.stringify(told));
  const { min, max, delta } = entry.encodings[0]!;
  const isWithin = (fixed: number | null | undefined, end: number) => fixed == null || Math.abs(fixed - end) <= delta;
  return !same || !isWithin(constraint?.min, min) || !isWithin(constraint?.max, max);
}
