// Every model of fixtures/models/exported, exported with every preset: what no engine loads is found here. What it computes is not looked at, so ranges are made up.

import * as assert from 'uvu/assert';

import { placeQuantizers } from '../../pipeline/config/place-quantizers.ts';
import { exportWishOf, loadConfig, presetNames } from '../../pipeline/config/presets/index.ts';
import { openEngine } from '../../pipeline/engine/index.ts';
import { qdqModel } from '../../pipeline/export/qdq-model.ts';
import { readModelFile } from '../../pipeline/onnx/read-model.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { exportedModels } from '../support/exported.ts';
import { checkLinks } from '../support/graphs.ts';
import { madeUpEncodings } from '../support/made-up.ts';
import { suite } from '../support/suite.ts';

suite('exported/presets', test => {
  for (const { name, path } of exportedModels) {
    test(`${name}: exported with every preset, both engines load it`, async () => {
      const { model } = prepareModel(await readModelFile(path, { inlineFunctions: true }));
      const loaded = new Set<string>(); // presets that differ in what they say of operators that the model has not
      for (const preset of presetNames) {
        const wish = exportWishOf(preset);
        const placement = placeQuantizers(model, loadConfig(preset), { quantizeBias: wish.quantizeBias });
        const exported = qdqModel(model, placement, madeUpEncodings(model.graph, placement), wish);
        checkLinks(exported.graph);
        const bytes = writeModel(exported);
        const content = Buffer.from(bytes).toString('latin1');
        if (loaded.has(content)) continue;
        loaded.add(content);
        for (const engine of ['native', 'web'] as const) {
          const fault = await (await openEngine(engine)).load(bytes).then(session => session.close().then(() => ''), (error: Error) => error.message);
          assert.is(fault, '', `${preset}, ${engine}`);
        }
      }
      assert.ok(loaded.size > 1, 'presets differ');
    });
  }
});
