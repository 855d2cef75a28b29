import type { RecordBatch } from 'apache-arrow';

import { calibrationPlan, type Plan } from '../../pipeline/calibrate/plan.ts';
import type { MemoryPlan } from '../../pipeline/calibrate/memory-plan.ts';
import { observe, type CalibrateOptions, type Observation, type Progress } from '../../pipeline/calibrate/calibrate.ts';
import type { Placement } from '../../pipeline/config/placement.ts';
import { openSource, type Source } from '../../pipeline/data/index.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import type { Statistics } from '../../pipeline/observers/statistics.ts';
import { readModelFile } from '../../pipeline/onnx/read-model.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { placementOf } from '../support/placements.ts';

export const IMAGES = 'fixtures/data/fmnist-calibration.arrow';

export async function preparedModel(name = 'fmnist-cnn'): Promise<Model> {
  return prepareModel(await readModelFile(`fixtures/models/${name}.onnx`)).model;
}

/** A quantizer on every float value that is computed or fed. */
export function placeEverywhere({ graph }: Model): Placement {
  const fed = graph.inputs.filter(({ initializer }) => initializer === null);
  const values = [...fed, ...graph.nodes.flatMap(({ outputs }) => outputs)];
  return placementOf(values.flatMap(value => value?.type?.dtype === 'float32' ? [{ tensor: value.name, ranges: [] }] : [])).placement;
}

export async function fashionPlan(): Promise<Plan> {
  const model = await preparedModel();
  return calibrationPlan(model, placeEverywhere(model));
}

/** Run an observation to its end. */
export async function observed(plan: Plan, source: Source | string, options: CalibrateOptions = {}): Promise<Observation & { progress: Progress[]; plan: MemoryPlan | null }> {
  const progress: Progress[] = [];
  let memory: MemoryPlan | null = null;
  const running = observe(plan, typeof source === 'string' ? await openSource(source) : source, { ...options, onPlan: said => { memory = said; } });
  for (;;) {
    const { done, value } = await running.next();
    if (done) return { ...value, progress, plan: memory };
    progress.push(value);
  }
}

/** The samples of a source in record batches of `size`, the last batch first. */
export function backwards(source: Source, size: number): Source {
  return {
    ...source,
    async *batches() {
      const pieces: RecordBatch[] = [];
      for await (const batch of source.batches()) {
        for (let at = 0; at < batch.numRows; at += size) pieces.push(batch.slice(at, at + size));
      }
      yield* pieces.reverse();
    },
  };
}

/** Everything in the statistics, so that a comparison of two texts says where they differ. */
export function asText({ model, samples, tensors }: Statistics): string {
  const lines = [...tensors].map(([name, { min, max, bins, counts }]) => `${name} ${min} ${max} ${bins.join()} ${counts.join()}`);
  return [model, samples, ...lines].join('\n');
}

/** Of a journal: which work it is of. */
export const firstLine = (text: string): string => text.slice(0, text.indexOf('\n') + 1);
