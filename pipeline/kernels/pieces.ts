import { check } from '../base/check.ts';

/** A tensor seen as [outer, channels, inner], row-major: channel c owns the elements (o, c, i) for every o and i. */
export interface ChannelLayout {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

/** Elements that enter the module's memory in one call: 4 MiB of float32, so that memory stays small whatever the tensor's size. */
const PIECE = 1 << 20;

/** Part of a flat list: elements `start` to `end`. */
export interface Piece {
  readonly start: number;
  readonly end: number;
}

/** Part of a tensor in channels, contiguous in memory; its first channel is channel `first` of the whole. */
export interface ChannelPiece extends Piece, ChannelLayout {
  readonly first: number;
}

/** Cut a list into pieces of at most `limit` elements. */
export function* pieces(count: number, limit = PIECE): Generator<Piece> {
  for (let start = 0; start < count; start += limit) yield { start, end: Math.min(start + limit, count) };
}

/** Cut a tensor into contiguous pieces of at most `limit` elements: whole rows, else whole channels, else parts of a channel. */
export function* channelPieces({ outer, channels, inner }: ChannelLayout, limit = PIECE): Generator<ChannelPiece> {
  const row = channels * inner;
  if (row === 0) return;
  if (row <= limit) {
    for (const { start, end } of pieces(outer, Math.floor(limit / row))) {
      yield { start: start * row, end: end * row, first: 0, outer: end - start, channels, inner };
    }
    return;
  }
  for (let o = 0; o < outer; o++) yield* rowPieces(o * row, { channels, inner, limit });
}

function* rowPieces(base: number, { channels, inner, limit }: { channels: number; inner: number; limit: number }): Generator<ChannelPiece> {
  const together = Math.max(1, Math.floor(limit / inner));
  for (const group of pieces(channels, together)) {
    const count = group.end - group.start;
    for (const part of pieces(inner, count > 1 ? inner : limit)) {
      const start = base + group.start * inner + part.start;
      const length = part.end - part.start;
      yield { start, end: start + count * length, first: group.start, outer: 1, channels: count, inner: length };
    }
  }
}

/** State that `values` fill the layout. */
export function checkLayout(values: { readonly length: number }, { outer, channels, inner }: ChannelLayout): void {
  check(values.length === outer * channels * inner, `${values.length} elements for [${outer}, ${channels}, ${inner}]`);
}
