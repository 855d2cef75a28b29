// Data in: any supported file becomes record batches, blocks of samples, and feeds of a session. Statistics, in and out.
export { bindInputs, LABEL_COLUMN, namedColumn, type BindOptions } from './bind.ts';
export { blocks, blockSize, sampleCount, type BlockOptions } from './blocks.ts';
export { dataVersion } from './data-version.ts';
export { BlockFeeds, fixedBatch, type Feed } from './feeds.ts';
export { labels, type Labels } from './labels.ts';
export { isAddress, repeatedRequests } from './http-bytes.ts';
export type { ImageSettings } from './images/image-settings.ts';
export type { Preprocessing } from './images/preprocess-entries.ts';
export { readPreprocessFile } from './images/preprocess-file.ts';
export { filesOfData } from './list-files.ts';
export type { Given } from './given-source.ts';
export { openSource, type OpenOptions } from './open-source.ts';
export { preparationHash, readingHash } from './reading.ts';
export { sampledSource, type SampleOptions } from './sampled-source.ts';
export { CHECKPOINT_KEY, readNotedStatistics, readStatistics, type StatisticsNote, writeStatistics } from './statistics-file.ts';
export type { Binding, Block, Column, Preprocess, Source } from './source.ts';
