import { existsSync, readdirSync } from 'node:fs';

import { floatsFromHalves } from '../../pipeline/base/half.ts';
import type { DType, Tensor } from '../../pipeline/base/tensor.ts';
import { sessionInputs } from '../../pipeline/calibrate/plan.ts';
import { bindInputs, blocks, BlockFeeds, openSource } from '../../pipeline/data/index.ts';
import { type EngineName, type Feeds, openEngine, type SessionOptions } from '../../pipeline/engine/index.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';

const FOLDER = 'fixtures/models/exported';

/** Samples of every exported model: what it was exported with, where its batch is not free. */
export const EXPORTED_SAMPLES = 16;

/** A model as an exporter wrote it, samples for it, and what the exporter's framework gave for them. */
export interface Exported {
  readonly name: string;
  readonly path: string;
  readonly inputs: string;
  readonly expected: string;
}

/** Every model under fixtures/models/exported, in order. */
export const exportedModels: readonly Exported[] = readdirSync(FOLDER).filter(file => file.endsWith('.onnx')).sort().map(file => {
  const path = `${FOLDER}/${file.slice(0, -'.onnx'.length)}`;
  const inputs = existsSync(`${path}.inputs.npz`) ? `${path}.inputs.npz` : `${path}.inputs.arrow`;
  return { name: file.slice(0, -'.onnx'.length), path: `${path}.onnx`, inputs, expected: `${path}.expected.npz` };
});

/** The samples as the model reads them: one feed, or one for each where they differ in length. */
export async function samplesOf({ inputs }: Exported, model: Model): Promise<Feeds[]> {
  const source = await openSource(inputs);
  const read = sessionInputs(model);
  const bindings = bindInputs(source, read);
  const found: Feeds[] = [];
  for await (const { bytes } of blocks(source, { size: EXPORTED_SAMPLES })) for (const { feeds: feed } of new BlockFeeds(bytes, read, bindings)) found.push(feed);
  return found;
}

/** What the framework gave, by output: all samples in one tensor. */
export async function expectedOf({ expected }: Exported): Promise<Record<string, Tensor>> {
  const source = await openSource(expected);
  const read = source.columns.map(({ name, dtype, shape }) => ({ name, dtype, shape: [null, ...shape] }));
  for await (const { bytes } of blocks(source, { size: EXPORTED_SAMPLES })) for (const { feeds: feed } of new BlockFeeds(bytes, read, bindInputs(source, read))) return feed;
  throw new Error(`${expected} is empty`);
}

/** Run a model over all samples; an output's values as numbers, one sample after the other. */
export async function outputsOf(engine: EngineName, model: Model, fed: readonly Feeds[], options: SessionOptions = {}): Promise<Record<string, { dtype: DType; values: Float64Array }>> {
  const session = await (await openEngine(engine)).load(writeModel(model), options);
  try {
    const runs: Record<string, Tensor>[] = [];
    for (const feed of fed) runs.push(await session.run(feed));
    return Object.fromEntries(session.outputs.map(name => [name, joined(runs.map(run => run[name]!))]));
  } finally {
    await session.close();
  }
}

function joined(parts: readonly Tensor[]): { dtype: DType; values: Float64Array } {
  return { dtype: parts[0]!.dtype, values: Float64Array.from(parts.flatMap(part => [...valuesOf(part)])) };
}

/** Elements as numbers, whatever their float type. */
export function valuesOf({ dtype, data }: Tensor): Float64Array {
  return Float64Array.from(dtype === 'float16' ? floatsFromHalves(data as Uint16Array) : data as Float32Array | Float64Array);
}
