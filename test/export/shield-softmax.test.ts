import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { fitSoftmax } from '../../pipeline/config/fit-softmax.ts';
import { type EngineName, openEngine } from '../../pipeline/engine/index.ts';
import { type QdqOptions, qdqModel } from '../../pipeline/export/qdq-model.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { buildModel } from '../support/graphs.ts';
import { placementOf } from '../support/placements.ts';
import { floats } from '../support/random.ts';
import { suite } from '../support/suite.ts';
import { node } from './models.ts';

const ROWS = 64;

/** A Softmax over `classes` elements, quantized to [0, top], between float operators. */
function classifier(classes: number | string, top: number) {
  const nodes = [node('Neg', ['x'], ['u']), node('Softmax', ['u'], ['y']), node('Neg', ['y'], ['w'])];
  const model = buildModel({ opset: 13, inputs: { x: [ROWS, classes] }, nodes, outputs: { w: null } });
  const { placement, encodings } = placementOf([{ tensor: 'u', ranges: [[-1, 1]] }, { tensor: 'y', ranges: [[0, top]] }]);
  model.graph.values.get('u')!.type = { dtype: 'float32', shape: [ROWS, classes] };
  return { model, placement, encodings: fitSoftmax(model, placement, encodings) };
}

suite('export/shield-softmax', test => {
  for (const name of ['web', 'native'] as const satisfies EngineName[]) {
    for (const activationType of ['uint8', 'int8'] as const satisfies QdqOptions['activationType'][]) {
      test(`over few elements, ${name} gives codes within a step of those of the float Softmax, as ${activationType}`, async () => {
        const engine = await openEngine(name);
        for (const classes of [1, 2, 3, 4, 5, 8]) for (const declared of [classes, 'n']) for (const top of [1, 0.9, 0.6, 1.2 / classes, 1.02 / classes, 0.1]) {
          const { model, placement, encodings } = classifier(declared, top);
          const bytes = writeModel(qdqModel(model, placement, encodings, { activationType }));
          const x = float32Tensor([ROWS, classes], floats(ROWS * classes));
          const results: Float32Array[] = [];
          for (const fuseQuantized of [true, false]) {
            const session = await engine.load(bytes, { fuseQuantized });
            results.push((await session.run({ x }))['w']!.data as Float32Array);
            await session.close();
          }
          const { delta } = encodings.get('y')![0]!;
          const worst = results[0]!.reduce((most, value, i) => Math.max(most, Math.abs(value - results[1]![i]!) / delta), 0);
          assert.ok(worst < 1.01, `${classes} classes, declared as ${declared}, up to ${top}: ${worst} steps`);
        }
      });
    }
  }

  // 1 / delta is 255 where the range reaches 1; over n elements the engine has room for 148 n
  for (const [classes, top, shielded] of [[4, 1, 0], [4, 0.5, 0], [4, 0.4, 1], [2, 1, 0], [2, 0.8, 1], [100, 1, 0], ['n', 1, 0], ['n', 0.8, 1]] as const) {
    test(`over ${classes} elements up to ${top} the engine may${shielded ? ' not' : ''} have its integer Softmax`, () => {
      const { model, placement, encodings } = classifier(classes, top);
      const { nodes } = qdqModel(model, placement, encodings).graph;
      assert.is(nodes.filter(({ opType }) => opType === 'Max').length, shielded);
    });
  }
});
