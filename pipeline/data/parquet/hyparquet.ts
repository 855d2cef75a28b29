// The door to hyparquet. The package reads whole column chunks; pages are read one at a time here, so its inner modules are used,
// which a release may rearrange: package.json fixes the version.

export { parquetMetadata, parquetSchema, snappyUncompress, type FileMetaData, type RowGroup, type SchemaElement, type SchemaTree } from 'hyparquet';
export { parquetHeader } from 'hyparquet/src/column.js';
export { deltaBinaryUnpack, deltaByteArray, deltaLengthByteArray } from 'hyparquet/src/delta.js';
export { byteStreamSplit } from 'hyparquet/src/encoding.js';
export { readPlain } from 'hyparquet/src/plain.js';
