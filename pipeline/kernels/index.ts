export { Kernels } from './kernels.ts';
export type { ChannelLayout } from './pieces.ts';
export type { AffineMap, Codes } from './quantize.ts';
export type { FoundEncoding, Searched, SearchGrid } from './search.ts';
export type { TensorStatistics } from './statistics.ts';
