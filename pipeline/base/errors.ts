/** What went wrong, as a stable word that callers and tests may switch on. */
export type ErrorCode =
  | 'model-malformed'       // the bytes are not a valid ONNX model
  | 'model-quantized'       // the model already holds quantized operators
  | 'op-unsupported'        // valid ONNX that this pass, engine or gradient does not handle
  | 'data-invalid'          // calibration data that is malformed, or does not fit the model
  | 'config-invalid'        // a quantsim config or a CLI option contradicts itself
  | 'statistics-missing'    // an encoding was asked of a tensor that no batch reached
  | 'statistics-invalid'    // a statistics file is malformed, or of another model
  | 'encodings-invalid'     // an encodings file is malformed, or does not fit the model or the configuration
  | 'checkpoint-mismatch'   // a checkpoint belongs to another model, data set or configuration, or is in use
  | 'checkpoint-invalid'    // a checkpoint is malformed
  | 'file-unreadable'       // an input file that is missing or cannot be read
  | 'output-unwritable'     // an output folder or file that cannot be written
  | 'engine-failed'         // the inference engine refused the model or a batch
  | 'worker-lost'           // a worker thread died or hung, and so did those that tried again
  | 'cluster-failed'        // Spark could not be started, or lost the work
  | 'interrupted';          // the user stopped the run

/** An error the user can act on. A bug in quantpipe is an InvariantError instead (see check.ts). */
export class QuantpipeError extends Error {
  override readonly name = 'QuantpipeError';
  readonly code: ErrorCode;
  /** Where: tensor, node, file, byte offset. Printed by the CLI one per line. */
  readonly context: Readonly<Record<string, string | number>>;

  constructor(code: ErrorCode, message: string, context: Record<string, string | number> = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.context = context;
  }
}
