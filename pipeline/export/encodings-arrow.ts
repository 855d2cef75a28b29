import type { Data } from 'apache-arrow';

import type { EncodingTable, Placement, Quantizer } from '../config/placement.ts';
import type { Graph, Model } from '../graph/graph.ts';
import { nonFiniteCounts } from '../observers/signal-power.ts';
import type { Statistics, TensorStatistics } from '../observers/statistics.ts';
import type { Encoding } from '../quant/encoding.ts';
import { biasEncodings } from './bias-encodings.ts';
import { encodingsOf } from './insert-quantizer.ts';

/** Which scheme chose the ranges, by role. */
export interface Schemes {
  readonly activation: string;
  readonly weight: string;
  /** Tensors whose encodings no scheme chose: they came from a file. */
  readonly loaded?: ReadonlySet<string>;
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

type Arrow = typeof import('apache-arrow');

/**
 * The encoding table as an Arrow IPC file: a row per quantizer and channel, with the rule that placed it and the statistics that
 * decided it. The same input gives the same bytes.
 */
export async function encodingsArrow({ graph }: Model, placement: Placement, encodings: EncodingTable, schemes: Schemes, statistics: Statistics | null): Promise<Uint8Array> {
  const arrow = await import('apache-arrow'); // imported late: it has more modules than all else that places and exports
  const rows = [
    ...placement.quantizers.flatMap(quantizer => quantizerRows(quantizer, encodings, schemes, statistics)),
    ...biasRows(graph, placement, encodings),
  ];
  const vectors = Object.entries(columns).map(([name, [type, cell]]) => [name, new arrow.Vector([columnData(arrow, type, rows.map(cell))])] as const);
  return arrow.tableToIPC(new arrow.Table(Object.fromEntries(vectors)), 'file');
}

type ColumnType = 'text' | 'int32' | 'int64' | 'float64';
type Cell = string | number | bigint | null;

const columns: Readonly<Record<string, readonly [type: ColumnType, cell: (row: Row) => Cell]>> = {
  tensor: ['text', ({ tensor }) => tensor],
  role: ['text', ({ role }) => role],
  channel: ['int32', ({ channel }) => channel],
  bitwidth: ['int32', ({ encoding }) => encoding.grid.bitwidth],
  symmetry: ['text', ({ encoding }) => encoding.grid.symmetry],
  scheme: ['text', ({ scheme }) => scheme],
  group: ['text', ({ group }) => group],
  rule: ['text', ({ rule }) => rule],
  min: ['float64', ({ encoding }) => encoding.min],
  max: ['float64', ({ encoding }) => encoding.max],
  delta: ['float64', ({ encoding }) => encoding.delta],
  offset: ['int64', ({ encoding }) => BigInt(encoding.offset)],
  observed_min: ['float64', ({ observed }) => observed?.min ?? null],
  observed_max: ['float64', ({ observed }) => observed?.max ?? null],
  count: ['int64', ({ observed }) => observed?.count ?? null],
  nan_count: ['int64', ({ observed }) => observed?.nanCount ?? null],
  infinite_count: ['int64', ({ observed }) => observed?.infiniteCount ?? null],
};

/** One column, a null where there is no cell. Texts are plain strings, not dictionaries: apache-arrow numbers dictionaries by a counter of the process, which would show in the bytes. */
function columnData({ Float64, Int32, Int64, makeData, Utf8 }: Arrow, type: ColumnType, cells: readonly Cell[]): Data {
  const validity = { length: cells.length, ...nulls(cells) };
  switch (type) {
    case 'text': return makeData({ type: new Utf8(), ...validity, ...utf8(cells as readonly (string | null)[]) });
    case 'int32': return makeData({ type: new Int32(), ...validity, data: Int32Array.from(cells as readonly (number | null)[], cell => cell ?? 0) });
    case 'int64': return makeData({ type: new Int64(), ...validity, data: BigInt64Array.from(cells as readonly (bigint | null)[], cell => cell ?? 0n) });
    case 'float64': return makeData({ type: new Float64(), ...validity, data: Float64Array.from(cells as readonly (number | null)[], cell => cell ?? 0) });
  }
}

/** A bit for each cell that is there, lowest first; a column without nulls has none. */
function nulls(cells: readonly Cell[]): { nullCount: number; nullBitmap?: Uint8Array } {
  const nullCount = cells.filter(cell => cell === null).length;
  if (nullCount === 0) return { nullCount };
  const nullBitmap = new Uint8Array(cells.length + 7 >> 3);
  cells.forEach((cell, i) => { if (cell !== null) nullBitmap[i >> 3]! |= 1 << (i & 7); });
  return { nullCount, nullBitmap };
}

function utf8(cells: readonly (string | null)[]): { valueOffsets: Int32Array; data: Uint8Array } {
  const texts = cells.map(cell => Buffer.from(cell ?? ''));
  const valueOffsets = new Int32Array(cells.length + 1);
  texts.forEach(({ length }, i) => { valueOffsets[i + 1] = valueOffsets[i]! + length; });
  return { valueOffsets, data: new Uint8Array(Buffer.concat(texts)) };
}

function quantizerRows(quantizer: Quantizer, encodings: EncodingTable, schemes: Schemes, statistics: Statistics | null): Row[] {
  const { tensor, role, granularity, group, rule, constraint, observed } = quantizer;
  const scheme = schemes.loaded?.has(tensor) ? 'loaded' : constraint === null ? schemes[role] : 'constraint';
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
