import { type DataType, Float64, Int32, Int64, Table, tableToIPC, Utf8, type Vector, vectorFromArray } from 'apache-arrow';

import type { EncodingTable, Placement, Quantizer } from '../config/placement.ts';
import type { Graph, Model } from '../graph/graph.ts';
import { nonFiniteCounts } from '../observers/signal-power.ts';
import type { Statistics, TensorStatistics } from '../observers/statistics.ts';
import type { Encoding } from '../quant/encoding.ts';
import { biasEncodings } from './encodings-content.ts';
import { encodingsOf } from './insert-quantizer.ts';

/** Which scheme chose the ranges, by role. */
export interface Schemes {
  readonly activation: string;
  readonly weight: string;
}

/** One row: a quantizer (per tensor), or one channel of it. Statistics are of the values that decided the encoding; null for constants. */
interface Row {
  readonly tensor: string;
  readonly role: 'activation' | 'weight' | 'bias';
  readonly channel: number | null;
  readonly encoding: Encoding;
  readonly scheme: string | null;
  readonly group: string;
  readonly rule: string | null;
  readonly observed: Observed | null;
}

interface Observed {
  readonly min: number | null;
  readonly max: number | null;
  readonly count: bigint;
  readonly nanCount: bigint;
  readonly infiniteCount: bigint;
}

/**
 * The encoding table as an Arrow IPC file: a row per quantizer and channel, with the rule that placed it and the statistics that
 * decided it. The same input gives the same bytes.
 */
export function encodingsArrow({ graph }: Model, placement: Placement, encodings: EncodingTable, schemes: Schemes, statistics: Statistics | null): Uint8Array {
  const rows = [
    ...placement.quantizers.flatMap(quantizer => quantizerRows(quantizer, encodings, schemes, statistics)),
    ...biasRows(graph, placement, encodings),
  ];
  const columns = Object.entries(columnTypes).map(([name, [type, cell]]) => [name, vectorFromArray(rows.map(cell), type)] as [string, Vector]);
  return tableToIPC(new Table(Object.fromEntries(columns)), 'file');
}

/** Plain strings, not dictionaries: apache-arrow numbers dictionaries by a counter of the process, which would show in the bytes. */
const columnTypes: Readonly<Record<string, readonly [type: DataType, cell: (row: Row) => string | number | bigint | null]>> = {
  tensor: [new Utf8(), ({ tensor }) => tensor],
  role: [new Utf8(), ({ role }) => role],
  channel: [new Int32(), ({ channel }) => channel],
  bitwidth: [new Int32(), ({ encoding }) => encoding.grid.bitwidth],
  symmetry: [new Utf8(), ({ encoding }) => encoding.grid.symmetry],
  scheme: [new Utf8(), ({ scheme }) => scheme],
  group: [new Utf8(), ({ group }) => group],
  rule: [new Utf8(), ({ rule }) => rule],
  min: [new Float64(), ({ encoding }) => encoding.min],
  max: [new Float64(), ({ encoding }) => encoding.max],
  delta: [new Float64(), ({ encoding }) => encoding.delta],
  offset: [new Int64(), ({ encoding }) => BigInt(encoding.offset)],
  observed_min: [new Float64(), ({ observed }) => observed?.min ?? null],
  observed_max: [new Float64(), ({ observed }) => observed?.max ?? null],
  count: [new Int64(), ({ observed }) => observed?.count ?? null],
  nan_count: [new Int64(), ({ observed }) => observed?.nanCount ?? null],
  infinite_count: [new Int64(), ({ observed }) => observed?.infiniteCount ?? null],
};

function quantizerRows(quantizer: Quantizer, encodings: EncodingTable, schemes: Schemes, statistics: Statistics | null): Row[] {
  const { tensor, role, granularity, group, rule, constraint, observed } = quantizer;
  const scheme = constraint === null ? schemes[role] : 'constraint';
  const seen = statistics === null ? [] : observed.flatMap(name => statistics.tensors.get(name) ?? []);
  return encodingsOf(encodings, tensor).map((encoding, channel) => ({
    tensor, role, channel: granularity.kind === 'tensor' ? null : channel, encoding, scheme, group, rule: rule.path,
    observed: seen.length === 0 ? null : total(seen),
  }));
}

function biasRows(graph: Graph, placement: Placement, encodings: EncodingTable): Row[] {
  return biasEncodings(graph, placement, encodings).flatMap(({ tensor, granularity, encodings: fitted }) => fitted.map((encoding, channel) => (
    { tensor, role: 'bias' as const, channel: granularity.kind === 'tensor' ? null : channel, encoding, scheme: null, group: tensor, rule: null, observed: null })));
}

function total(tensors: readonly TensorStatistics[]): Observed {
  const finite = tensors.filter(({ min, max }) => min <= max);
  const sum = (count: (tensor: TensorStatistics) => bigint) => tensors.reduce((all, tensor) => all + count(tensor), 0n);
  return {
    min: finite.length === 0 ? null : Math.min(...finite.map(({ min }) => min)),
    max: finite.length === 0 ? null : Math.max(...finite.map(({ max }) => max)),
    count: sum(({ counts }) => counts.reduce((all, count) => all + count, 0n)),
    nanCount: sum(tensor => nonFiniteCounts(tensor).nan),
    infiniteCount: sum(tensor => nonFiniteCounts(tensor).infinite),
  };
}
