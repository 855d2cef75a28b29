import * as assert from 'uvu/assert';

import { weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { EMPTY, lines, node, place, ruleOf, tensors, USUAL, usualBut } from './sketches.ts';

const x = { x: [1, 4, 8, 8] };
const w = { w: weight([6, 4, 3, 3]) };
const conv = { inputs: x, weights: w, nodes: [node('Conv', ['x', 'w'], 'y')], outputs: { y: null } };
const twoSigmoids = { inputs: x, nodes: [node('Sigmoid', ['x'], 'a'), node('Tanh', ['a'], 'y')], outputs: { y: null } };

suite('config/place-quantizers', test => {
  test('an empty configuration quantizes nothing', () => {
    const { quantizers, float } = place(conv, EMPTY);
    assert.equal(quantizers, []);
    assert.equal(float.map(({ name, reason }) => `${name}: ${reason}`), ['w', 'x', 'y'].map(name => `${name}: no section of the configuration turns it on`));
  });

  test('each section places its own: defaults.ops outputs, defaults.params parameters, model_input graph inputs', () => {
    assert.equal(tensors(place(conv, { ...EMPTY, defaults: { ops: { is_output_quantized: 'True' }, params: {} } })), ['y']);
    assert.equal(tensors(place(conv, { ...EMPTY, defaults: { ops: {}, params: { is_quantized: 'True' } } })), ['w']);
    assert.equal(tensors(place(conv, { ...EMPTY, model_input: { is_input_quantized: 'True' } })), ['x']);
    assert.equal(tensors(place(conv, { ...EMPTY, model_output: { is_output_quantized: 'True' } })), ['y']);
  });

  test('defaults.ops.is_input_quantized places what operators compute and others read, not graph inputs', () => {
    assert.equal(tensors(place(twoSigmoids, { ...EMPTY, defaults: { ops: { is_input_quantized: 'True' }, params: {} } })), ['a']);
  });

  test('later sections overrule earlier ones, and the rule names the last that spoke', () => {
    const off = usualBut({ op_type: { Tanh: { is_output_quantized: 'False' } } });
    assert.equal(tensors(place(twoSigmoids, off)), ['x', 'a']);
    const onAgain = place(twoSigmoids, { ...off, model_output: { is_output_quantized: 'True' } });
    assert.equal(tensors(onAgain), ['x', 'a', 'y']);
    assert.is(ruleOf(onAgain, 'y'), 'model_output.is_output_quantized');
    const inputOff = usualBut({ op_type: { Sigmoid: { is_input_quantized: 'True' } }, model_input: { is_input_quantized: 'False' } });
    assert.equal(tensors(place(twoSigmoids, inputOff)), ['a', 'y']);
  });

  test('parameters follow defaults.params, then params by name, then op_type by operator', () => {
    const weightOff = { weight: { is_quantized: 'False' } };
    assert.equal(tensors(place(conv, usualBut({ params: weightOff }))), ['x', 'y']);
    const again = place(conv, usualBut({ params: weightOff, op_type: { Conv: { params: { weight: { is_quantized: 'True', is_symmetric: 'False' } } } } }));
    assert.equal(lines(again), ['x activation 8 asymmetric', 'w weight 8 asymmetric', 'y activation 8 asymmetric']);
    assert.is(ruleOf(again, 'w'), 'op_type.Conv.params.weight.is_quantized');
    const elsewhere = place(conv, usualBut({ params: weightOff, op_type: { Gemm: { params: { weight: { is_quantized: 'True' } } } } }));
    assert.equal(tensors(elsewhere), ['x', 'y']);
  });

  test('symmetry of an operator type is that of its inputs and outputs', () => {
    assert.equal(lines(place(twoSigmoids, usualBut({ op_type: { Tanh: { is_symmetric: 'True' } } }))), [
      'x activation 8 asymmetric', 'a activation 8 symmetric', 'y activation 8 symmetric',
    ]);
  });

  test('symmetry of defaults.ops holds for what a later section turns on', () => {
    const config = { ...EMPTY, defaults: { ops: { is_symmetric: 'True' }, params: {} }, model_input: { is_input_quantized: 'True' } };
    assert.equal(lines(place(twoSigmoids, config)), ['x activation 8 symmetric']);
  });

  for (const [key, symmetry] of [['strict_symmetric', 'strict-symmetric'], ['unsigned_symmetric', 'unsigned-symmetric']] as const) {
    test(`${key} makes symmetric quantizers ${symmetry}, and only them`, () => {
      const config = usualBut({ defaults: { ops: { is_output_quantized: 'True' }, params: { is_quantized: 'True', is_symmetric: 'True' }, [key]: 'True' } });
      assert.equal(lines(place(conv, config)), ['x activation 8 asymmetric', `w weight 8 ${symmetry}`, 'y activation 8 asymmetric']);
    });
  }

  test('bit-widths are options, 8 where they are not given', () => {
    assert.equal(lines(place(conv, usualBut({}), { weightBitwidth: 4, activationBitwidth: 16 })), ['x activation 16 asymmetric', 'w weight 4 symmetric', 'y activation 16 asymmetric']);
  });

  for (const [strict, unsigned, expected] of [['False', 'False', 'symmetric'], ['True', 'False', 'strict-symmetric'], ['False', 'True', 'unsigned-symmetric']] as const) {
    test(`ends that mirror each other make the grid the ${expected} one that strict_symmetric ${strict} and unsigned_symmetric ${unsigned} ask for`, () => {
      const config = usualBut({ defaults: { ...USUAL.defaults, strict_symmetric: strict, unsigned_symmetric: unsigned }, op_type: { Tanh: { encoding_constraints: { min: -1, max: 1 } } } });
      const { quantizers } = place({ inputs: { x: [4] }, nodes: [node('Tanh', ['x'], 'y')], outputs: { y: null } }, config);
      assert.is(quantizers[1]!.grid.symmetry, expected);
    });
  }

  test('encoding constraints fix the ends of outputs, one or both; ends that mirror each other make the grid symmetric', () => {
    const { quantizers } = place(twoSigmoids, usualBut({ op_type: { Sigmoid: { encoding_constraints: { min: 0 } }, Tanh: { encoding_constraints: { min: -1, max: 1 } } } }));
    assert.equal(quantizers.map(({ tensor, constraint, grid }) => [tensor, constraint, grid.symmetry]), [
      ['x', null, 'asymmetric'], ['a', { min: 0, max: null }, 'asymmetric'], ['y', { min: -1, max: 1 }, 'symmetric'],
    ]);
  });

  test('a constraint that leaves zero out is widened to it', () => {
    const { quantizers } = place(twoSigmoids, usualBut({ op_type: { Sigmoid: { encoding_constraints: { min: 0.5, max: 1 } }, Tanh: { encoding_constraints: { max: -1 } } } }));
    assert.equal(quantizers.map(({ tensor, constraint }) => [tensor, constraint]), [['x', null], ['a', { min: 0, max: 1 }], ['y', { min: null, max: 0 }]]);
  });

  test('two operators that contradict each other about one tensor are refused with both rules', () => {
    const config = usualBut({ op_type: { Sigmoid: { is_output_quantized: 'False' }, Tanh: { is_input_quantized: 'True' } } });
    assert.throws(() => place(twoSigmoids, config),
      (error: Error) => error.message === "op_type.Sigmoid.is_output_quantized and op_type.Tanh.is_input_quantized contradict each other about tensor 'a'");
  });

  test('what the configuration says without effect is a warning of the placement', () => {
    assert.equal(place({ ...conv, outputs: { y: [1, 6, 6, 6] } }, usualBut({ op_type: { Convv: {} } })).warnings, ["op_type.Convv has no effect: ONNX has no operator 'Convv'; did you mean 'Conv'?"]);
  });

  test('a graph output that is read on is quantized once, as the output of its operator', () => {
    const sketch = { ...twoSigmoids, outputs: { a: null, y: null } };
    assert.equal(tensors(place(sketch)), ['x', 'a', 'y']);
  });

  test('what no operator reads and no caller sees has no quantizer', () => {
    const sketch = { inputs: x, nodes: [{ op: 'Split', in: ['x'], out: ['a', 'b'] }, node('Sigmoid', ['a'], 'y')], outputs: { y: null } };
    assert.equal(tensors(place(sketch)), ['x', 'a', 'y']);
  });

  test('the order is that of the graph: inputs, then node by node constants and outputs', () => {
    const sketch = { inputs: x, weights: { ...w, v: weight([2, 6, 1, 1]) }, nodes: [node('Conv', ['x', 'w'], 'a'), node('Conv', ['a', 'v'], 'y')], outputs: { y: null } };
    assert.equal(tensors(place(sketch)), ['x', 'w', 'a', 'v', 'y']);
  });
});
