import { encode } from '../../pipeline/calibrate/encode.ts';
import { calibrationPlan, sessionInputs } from '../../pipeline/calibrate/plan.ts';
import { exportWishOf, loadConfig, type PresetName } from '../../pipeline/config/presets/index.ts';
import { placeQuantizers } from '../../pipeline/config/place-quantizers.ts';
import { bindInputs, blocks, BlockFeeds, openSource } from '../../pipeline/data/index.ts';
import type { Feeds } from '../../pipeline/engine/index.ts';
import { type QdqOptions, qdqModel } from '../../pipeline/export/qdq-model.ts';
import { readModelFile } from '../../pipeline/onnx/read-model.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { simulate } from '../../pipeline/sim/simulate.ts';
import { observed } from '../calibrate/plans.ts';

/** A fixture calibrated on a few samples, and the same samples as feeds. */
export async function calibrated(path: string, data: string, samples: number, options: QdqOptions = {}, preset: PresetName = 'per-channel') {
  const { model } = prepareModel(await readModelFile(path));
  const placement = placeQuantizers(model, loadConfig(preset));
  const source = await openSource(`fixtures/data/${data}-calibration.arrow`);
  const { statistics } = await observed(calibrationPlan(model, placement), source, { engine: 'native', workers: 1, limit: samples });
  const encodings = await encode(model, placement, statistics, { scheme: 'tf-enhanced', weightScheme: 'min-max', search: { gamma: 3, percentile: 100 }, exactSoftmax: exportWishOf(preset).exactSoftmax });
  const inputs = sessionInputs(model);
  const fed: Feeds[] = [];
  for await (const { bytes } of blocks(source, { size: samples, limit: samples })) {
    for (const { feeds: batch } of new BlockFeeds(bytes, inputs, bindInputs(source, inputs, {}))) fed.push(batch);
  }
  return { model, placement, encodings, simulated: simulate(model, placement, encodings), exported: qdqModel(model, placement, encodings, options), fed };
}
