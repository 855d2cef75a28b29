import type { Graph } from '../graph/graph.ts';
import { isDeclared } from '../onnx/read-graph.ts';

/**
 * Forget the types of what nodes compute where the user's model does not declare them, but for graph outputs: engines infer them, and in a
 * quantized model their declarations would be many and useless.
 */
export function forgetInferredTypes({ values, outputs }: Graph): void {
  const declared = new Set(outputs);
  for (const value of values.values()) if (value.producer !== null && !declared.has(value) && !isDeclared(value)) value.type = null;
}
