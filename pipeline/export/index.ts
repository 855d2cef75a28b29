export { encodingsArrow } from './encodings-arrow.ts';
export { type EncodingsVersion, encodingsJson, encodingsVersions } from './encodings-json.ts';
export { exportWarnings, type QdqOptions, qdqModel } from './qdq-model.ts';
export { type EncodingsFile, readEncodings } from './read-encodings.ts';
export { applyEncodings } from './apply-encodings.ts';
