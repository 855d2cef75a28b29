export { biasStepWarnings, biasWarnings } from './bias-encodings.ts';
export { encodingsArrow } from './encodings-arrow.ts';
export { checkEncodingsVersion, type EncodingsVersion, encodingsJson, encodingsVersions, encodingsWarnings } from './encodings-json.ts';
export { exportWarnings, neededOpset, type QdqOptions, qdqModel } from './qdq-model.ts';
export type { EncodingsFile, FileEntry } from './encodings-file.ts';
export { castChain, type Chain, dequantizedNames, encodingsOf, insertChain, insertQuantizer, qdqChain, wideChain } from './insert-quantizer.ts';
export { quantizedBias, roundConstant, roundFloatConstant } from './store-constants.ts';
export { readEncodings } from './read-encodings.ts';
export { type Applied, applyEncodings, type Start, startFromEncodings } from './apply-encodings.ts';
