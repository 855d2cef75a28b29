import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ort from 'onnxruntime-node';

import { readModel } from '../../pipeline/onnx/read-model.ts';

/** The operators of the model that onnxruntime makes of `bytes`, in its order. */
export async function optimizedOperators(bytes: Uint8Array): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'quantpipe-'));
  try {
    const optimizedModelFilePath = join(folder, 'optimized.onnx');
    await (await ort.InferenceSession.create(bytes, { optimizedModelFilePath, graphOptimizationLevel: 'all', logSeverityLevel: 3 })).release();
    return readModel(await readFile(optimizedModelFilePath)).graph.nodes.map(({ opType }) => opType);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** How often each is there. */
export function counted(operators: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const operator of operators) counts[operator] = (counts[operator] ?? 0) + 1;
  return counts;
}
