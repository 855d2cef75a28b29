import * as assert from 'uvu/assert';

import type { Attribute } from '../../pipeline/graph/attribute.ts';
import { intAttribute } from '../../pipeline/graph/attribute.ts';
import { weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { lines, node, place, tensors, USUAL, usualBut } from './sketches.ts';

const perChannel = usualBut({ defaults: { ...USUAL.defaults, per_channel_quantization: 'True' } });

/** Operator, shape of the weight, attributes, the channel axis of the weight (null: per tensor). */
const axes: [op: string, dims: number[], attributes: Record<string, Attribute>, axis: number | null][] = [
  ['Conv', [6, 4, 3, 3], {}, 0],
  ['Conv', [4, 1, 3, 3], { group: intAttribute(4) }, 0],
  ['ConvTranspose', [4, 6, 3, 3], {}, 1],
  ['ConvTranspose', [4, 3, 3, 3], { group: intAttribute(2) }, 1],
  ['Gemm', [4, 6], {}, 1],
  ['Gemm', [6, 4], { transB: intAttribute(1) }, 0],
  ['MatMul', [4, 6], {}, 1],
  ['MatMul', [2, 4, 6], {}, 2],
  ['MatMul', [4], {}, null],
  ['PRelu', [4, 1, 1], {}, null],
];

const weightLine = (config: object, op: string, dims: number[], attributes: Record<string, Attribute>) =>
  lines(place({ inputs: { x: [2, 4] }, weights: { w: weight(dims) }, nodes: [node(op, ['x', 'w'], 'y', attributes)], outputs: { y: null } }, config))
    .find(line => line.startsWith('w '));

suite('config/weights', test => {
  test('the weight of a DeformConv is a parameter, and so is its bias, after the offsets', () => {
    const sketch = {
      inputs: { x: [1, 2, 5, 5], offset: [1, 18, 3, 3] }, weights: { w: weight([4, 2, 3, 3]), b: weight([4]) },
      nodes: [node('DeformConv', ['x', 'w', 'offset', 'b'], 'y')], outputs: { y: null },
    };
    const biasOn = usualBut({ params: { bias: { is_quantized: 'True' } } });
    assert.equal(lines(place(sketch)).filter(line => /^[wb] /.test(line)), ['w weight 8 symmetric']);
    assert.equal(lines(place(sketch, biasOn)).filter(line => /^[wb] /.test(line)), ['w weight 8 symmetric', 'b weight 8 symmetric']);
  });

  for (const [op, dims, attributes, axis] of axes) {
    test(`the channels of a ${op} weight [${dims.join(', ')}] ${Object.keys(attributes).join()} lie on axis ${axis}`, () => {
      assert.is(weightLine(perChannel, op, dims, attributes), axis === null ? 'w weight 8 symmetric' : `w weight 8 symmetric channel ${axis}`);
      assert.is(weightLine(USUAL, op, dims, attributes), 'w weight 8 symmetric');
    });
  }

  test('per_channel_quantization of an operator type overrules that of the defaults, either way', () => {
    assert.is(weightLine({ ...perChannel, op_type: { Conv: { per_channel_quantization: 'False' } } }, 'Conv', [6, 4, 1, 1], {}), 'w weight 8 symmetric');
    assert.is(weightLine(usualBut({ op_type: { Conv: { per_channel_quantization: 'True' } } }), 'Conv', [6, 4, 1, 1], {}), 'w weight 8 symmetric channel 0');
  });

  test('the constant first input of a product is a weight where the second is no constant, and has no channels', () => {
    const sketch = { inputs: { x: [4, 6] }, weights: { w: weight([2, 4]) }, nodes: [node('MatMul', ['w', 'x'], 'y')], outputs: { y: null } };
    assert.equal(lines(place(sketch, perChannel)), ['x activation 8 asymmetric', 'w weight 8 symmetric', 'y activation 8 asymmetric']);
  });

  test('of two constants that are multiplied the second is the weight', () => {
    const sketch = { inputs: { x: [2] }, weights: { v: weight([2, 4]), w: weight([4, 2]) }, nodes: [node('MatMul', ['v', 'w'], 'a'), node('MatMul', ['x', 'a'], 'y')], outputs: { y: null } };
    assert.equal(tensors(place(sketch)), ['x', 'w', 'a', 'y']);
  });

  test('a product of two activations has no weight', () => {
    const sketch = { inputs: { x: [4, 4] }, nodes: [node('Sigmoid', ['x'], 'a'), node('MatMul', ['x', 'a'], 'y')], outputs: { y: null } };
    assert.equal(lines(place(sketch)).map(line => line.split(' ')[1]), ['activation', 'activation', 'activation']);
  });

  test('a weight that two operators share has one quantizer, per tensor where their channels differ', () => {
    const shared = (second: Record<string, Attribute>) => lines(place({
      inputs: { x: [2, 4] }, weights: { w: weight([4, 4]) },
      nodes: [node('Gemm', ['x', 'w'], 'a'), node('Gemm', ['a', 'w'], 'y', second)], outputs: { y: null },
    }, perChannel)).filter(line => line.startsWith('w '));
    assert.equal(shared({}), ['w weight 8 symmetric channel 1']);
    assert.equal(shared({ transB: intAttribute(1) }), ['w weight 8 symmetric']);
  });

  test('operators that contradict each other about a weight they share are refused with both rules; the later section settles it', () => {
    const sketch = { inputs: { x: [2, 4] }, weights: { w: weight([4, 4]) }, nodes: [node('Gemm', ['x', 'w'], 'a'), node('MatMul', ['a', 'w'], 'y')], outputs: { y: null } };
    const off = { params: { weight: { is_quantized: 'False' } } };
    assert.throws(() => place(sketch, usualBut({ op_type: { Gemm: off, MatMul: { params: { weight: { is_quantized: 'True' } } } } })),
      (error: Error) => error.message === "op_type.Gemm.params.weight.is_quantized and op_type.MatMul.params.weight.is_quantized contradict each other about tensor 'w'");
    assert.equal(tensors(place(sketch, usualBut({ op_type: { Gemm: off } }))), ['x', 'a', 'y']);
  });

  test('an initializer that is listed as a graph input is a weight, and no input', () => {
    const sketch = { inputs: { x: [1, 4, 8, 8], w: [6, 4, 3, 3] }, weights: { w: weight([6, 4, 3, 3]) }, nodes: [node('Conv', ['x', 'w'], 'y')], outputs: { y: null } };
    assert.equal(lines(place(sketch)), ['x activation 8 asymmetric', 'w weight 8 symmetric', 'y activation 8 asymmetric']);
  });

  test('a table that rows are gathered from is a weight, and the rows share its encoding', () => {
    const sketch = {
      inputs: { ids: { dtype: 'int64' as const, shape: [2] } }, weights: { table: weight([10, 4]) },
      nodes: [node('Gather', ['table', 'ids'], 'rows'), node('Sigmoid', ['rows'], 'y')], outputs: { y: null },
    };
    assert.equal(lines(place(sketch)), ['table weight 8 symmetric', 'rows activation 8 symmetric = table', 'y activation 8 asymmetric']);
    const off = usualBut({ op_type: { Gather: { params: { weight: { is_quantized: 'False' } } } } });
    assert.equal(lines(place(sketch, off)), ['rows activation 8 asymmetric', 'y activation 8 asymmetric']);
  });

  test('the parameters of normalizations have quantizers only where the configuration says so', () => {
    const sketch = {
      inputs: { x: [2, 4] }, weights: { scale: weight([4]), shift: weight([4]) },
      nodes: [node('LayerNormalization', ['x', 'scale', 'shift'], 'y')], outputs: { y: null },
    };
    assert.equal(tensors(place(sketch, perChannel)), ['x', 'scale', 'y']);
    assert.equal(tensors(place(sketch, usualBut({ params: { bias: { is_quantized: 'True' } } }))), ['x', 'scale', 'shift', 'y']);
    assert.equal(tensors(place(sketch, usualBut({ op_type: { LayerNormalization: { params: { weight: { is_quantized: 'False' } } } } }))), ['x', 'y']);
  });

  test('a parameter of another type than float32 has none', () => {
    const half = { dtype: 'float16' as const, dims: [6, 4, 1, 1], data: new Uint16Array(24) };
    const { quantizers, warnings } = place({
      inputs: { x: { dtype: 'float16', shape: [1, 4, 8, 8] } }, weights: { w: half }, nodes: [node('Conv', ['x', 'w'], 'y')], outputs: { y: { dtype: 'float16', shape: [] } },
    });
    assert.equal(quantizers, []);
    assert.equal(warnings, ["only float32 is quantized; 3 tensors of other float types stay as they are: 'w', 'y', 'x'"]);
  });
});
