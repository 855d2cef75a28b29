import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { fitSoftmax } from '../../pipeline/config/fit-softmax.ts';
import { type EngineName, openEngine } from '../../pipeline/engine/index.ts';
import { type QdqOptions, qdqModel } from '../../pipeline/export/qdq-model.ts';
import { intAttribute } from '../../pipeline/graph/attribute.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { grid } from '../../pipeline/quant/grid.ts';
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

  // int8 codes are around -128 here: that of probability 1 is 1 / delta - 128, and int8 has 127 at most
  for (const [inverse, shielded] of [[255, 0], [256, 1]] as const) {
    test(`in steps of 1 / ${inverse}, as int8, the engine may${shielded ? ' not' : ''} have its integer Softmax`, () => {
      const { model, placement, encodings } = classifier(100, 1);
      const steps = new Map([...encodings, ['y', [fitEncoding(0, 255 / inverse, grid(8))]]] as const);
      const { nodes, values } = qdqModel(model, placement, steps, { activationType: 'int8' }).graph;
      const [scale, zeroPoint] = nodes.find(({ name }) => name === 'y_QuantizeLinear')!.inputs.slice(1).map(value => value!.initializer!.read().data[0]);
      assert.equal([scale, zeroPoint, values.has('y')], [Math.fround(1 / inverse), -128, true]);
      assert.is(nodes.filter(({ opType }) => opType === 'Max').length, shielded);
    });
  }

  // what QuantizeLinear makes of probability 1: 1 / delta, rounded, above the zero point, and no more than the type has
  for (const [inverse, activationType, one] of [[231.8, 'uint8', 232], [212.3, 'uint8', 212], [256, 'uint8', 255], [231.8, 'int8', 104], [212.3, 'int8', 84]] as const) {
    test(`over one element, in steps of 1 / ${inverse} as ${activationType}, all codes are ${one}, that of probability 1`, async () => {
      const { model, placement, encodings } = classifier('n', 1);
      const held = new Map([...encodings, ['y', [fitEncoding(0, 255 / inverse, grid(8))]]] as const);
      const exported = qdqModel(model, placement, held, { activationType });
      const inputOf = (opType: string, index: number) => exported.graph.nodes.find(node => node.opType === opType && node.name.startsWith('y'))!.inputs[index]!.initializer!.read().data[0];
      assert.equal([Number(inputOf('Clip', 2)), Number(inputOf('Where', 1)), Number(inputOf('Where', 2))], [one, one, activationType === 'uint8' ? 0 : -128]);
    });
  }

  // up to 0.8 two elements overflow and 64 do not
  for (const [axis, dims, shielded] of [[1, [ROWS, 2], 1], [0, [ROWS, 2], 0], [0, [2, ROWS], 1], [-1, [2, ROWS], 0], [-2, [2, ROWS], 1]] as const) {
    test(`along axis ${axis} of [${dims.join(', ')}] the engine may${shielded ? ' not' : ''} have its integer Softmax`, () => {
      const nodes = [node('Neg', ['x'], ['u']), node('Softmax', ['u'], ['y'], { axis: intAttribute(axis) }), node('Neg', ['y'], ['w'])];
      const model = buildModel({ opset: 13, inputs: { x: dims }, nodes, outputs: { w: null } });
      model.graph.values.get('u')!.type = { dtype: 'float32', shape: dims };
      const { placement, encodings } = placementOf([{ tensor: 'u', ranges: [[-1, 1]] }, { tensor: 'y', ranges: [[0, 0.8]] }]);
      const exported = qdqModel(model, placement, fitSoftmax(model, placement, encodings));
      assert.is(exported.graph.nodes.filter(({ opType }) => opType === 'Max').length, shielded);
    });
  }
});
