/** How a runtime wants the codes of the exported model stored; zero points are 128 and 0. */
export type CodeType = 'uint8' | 'int8';

/** What a runtime wants of the exported model. Options of the export overrule it. */
export interface ExportWish {
  readonly weightType: CodeType;
  readonly activationType: CodeType;
  /** Whether biases are stored as int32, with the step of input times weight. */
  readonly quantizeBias: boolean;
  /** Whether every reader of a tensor has a QuantizeLinear and a DequantizeLinear of its own. */
  readonly dedicatedPairs: boolean;
  /** Whether convolutions of one input channel each keep rounded weights in floats: 'float' where the runtime's integer kernels for them are the slower ones. */
  readonly depthwise: 'integer' | 'float';
  /** Whether the columns of int8 kernels of one input channel become channels, which ONNX Runtime's kernels on x64 are faster with. */
  readonly columnsAsChannels: boolean;
  /** Whether Softmax outputs get deltas that ONNX Runtime's integer Softmax computes exactly (fit-softmax.ts), in the encodings too. */
  readonly exactSoftmax: boolean;
}

/** A configuration that comes with quantpipe. */
export interface Preset {
  /** In AIMET's JSON form. */
  readonly config: object;
  readonly export: ExportWish;
}

/** What is exported where nothing else is said: every 8-bit type is unsigned, which all engines multiply exactly. */
export const UNSIGNED: ExportWish = { weightType: 'uint8', activationType: 'uint8', quantizeBias: true, dedicatedPairs: false, depthwise: 'integer', columnsAsChannels: false, exactSoftmax: true };
