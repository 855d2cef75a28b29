import * as assert from 'uvu/assert';

import { weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { node, place, tensors, usualBut } from './sketches.ts';

const x = { x: [4, 1, 8] };
const recurrent = { wx: weight([1, 12, 8]), wr: weight([1, 12, 3]) };

suite('config/left-in-float', test => {
  const cases: [op: string, domain: string, reason: string][] = [
    ['LSTM', '', 'it is recurrent: an error of its state would be fed back at every step'],
    ['GRU', '', 'it is recurrent: an error of its state would be fed back at every step'],
    ['RNN', '', 'it is recurrent: an error of its state would be fed back at every step'],
    ['If', '', 'it runs a subgraph, whose operators are not looked into'],
    ['Loop', '', 'it runs a subgraph, whose operators are not looked into'],
    ['Scan', '', 'it runs a subgraph, whose operators are not looked into'],
    ['SplitToSequence', '', 'it works on a sequence of tensors'],
    ['Gelu', 'com.microsoft', "operators of the domain 'com.microsoft' are not known"],
    ['Frobnicate', '', 'it is no operator of the ONNX standard'],
  ];
  for (const [op, domain, reason] of cases) {
    test(`${domain}${domain && '::'}${op} stays in float, and what only it computes with`, () => {
      const { quantizers, float } = place({ inputs: x, nodes: [{ op, domain, in: ['x'], out: ['y'], name: 'it' }], outputs: { y: null } });
      assert.equal(quantizers, []);
      assert.equal(float.filter(({ kind }) => kind === 'node'), [{ kind: 'node', name: 'it', opType: op, reason }]);
      assert.ok(float.some(({ name, reason }) => name === 'x' && reason === 'only operators that are left in float compute with it'));
    });
  }

  test('an operator that the standard does not have is told of once, with the one it may be', () => {
    const { warnings } = place({ inputs: x, nodes: [node('Reluu', ['x'], 'a'), node('Reluu', ['a'], 'b'), node('Tanh', ['b'], 'y')], outputs: { y: null } });
    assert.equal(warnings.slice(0, -1), ["ONNX has no operator 'Reluu' (Reluu of 'a'), and an engine that does not know it cannot load the model; did you mean 'Relu'?"]);
  });

  test('a model without floats says why nothing is quantized', () => {
    const text = { dtype: 'string' as const, shape: [1] };
    const { warnings } = place({ inputs: { s: text }, nodes: [node('StringNormalizer', ['s'], 'y')], outputs: { y: text } });
    assert.equal(warnings, ["nothing is quantized: no tensor of the model is float32; its inputs are 's' (string)"]);
  });

  test('the parameters of an operator in float have no quantizer', () => {
    const sketch = { inputs: x, weights: recurrent, nodes: [{ op: 'GRU', in: ['x', 'wx', 'wr'], out: ['a'] }, node('Sigmoid', ['a'], 'y')], outputs: { y: null } };
    assert.equal(tensors(place(sketch)), ['a', 'y']);
  });

  test('what it writes is quantized where another operator computes with it, also after it was moved', () => {
    const moved = { inputs: x, nodes: [node('LSTM', ['x'], 'a'), node('Flatten', ['a'], 'b'), node('Sigmoid', ['b'], 'y')], outputs: { y: null } };
    assert.equal(tensors(place(moved)), ['a', 'b', 'y']);
    const onlyMoved = { inputs: x, nodes: [node('LSTM', ['x'], 'a'), node('Flatten', ['a'], 'y')], outputs: { y: null } };
    assert.equal(tensors(place(onlyMoved)), []);
  });

  test('what it reads is quantized where another operator computed it, or computes with it too', () => {
    const computed = { inputs: x, nodes: [node('Sigmoid', ['x'], 'a'), node('Flatten', ['a'], 'b'), node('LSTM', ['b'], 'y')], outputs: { y: null } };
    assert.equal(tensors(place(computed)), ['x', 'a', 'b']);
    const both = { inputs: x, nodes: [node('LSTM', ['x'], 'y'), node('Sigmoid', ['x'], 'z')], outputs: { y: null, z: null } };
    assert.equal(tensors(place(both)), ['x', 'z']);
  });

  test('an operator that gives integers alone asks for no quantizer', () => {
    assert.equal(tensors(place({ inputs: x, nodes: [node('ArgMax', ['x'], 'y')], outputs: { y: { dtype: 'int64', shape: [] } } })), []);
  });

  test('floats made of integers are quantized for who computes with them only', () => {
    const made = (reader: string) => tensors(place({
      inputs: { n: { dtype: 'int64', shape: [1] } }, nodes: [node('ConstantOfShape', ['n'], 'a'), node(reader, ['a'], 'y')], outputs: { y: null },
    }));
    assert.equal(made('Sigmoid'), ['a', 'y']);
    assert.equal(made('GRU'), []);
  });

  test('a tensor that the configuration turns off is listed with the rule', () => {
    const { float } = place({ inputs: x, nodes: [node('Mean', ['x'], 'y')], outputs: { y: null } }, usualBut({ op_type: { Mean: { is_output_quantized: 'False' } } }));
    assert.equal(float, [{ kind: 'tensor', name: 'y', opType: 'Mean', reason: 'the configuration turns it off: op_type.Mean.is_output_quantized' }]);
  });

  test('tensors of unknown type are taken for float32, unless their operator never gives any, and are named', () => {
    const sketch = {
      inputs: x, outputs: { y: { dtype: 'float32' as const, shape: [] }, n: { dtype: 'int64' as const, shape: [3] }, i: null },
      nodes: [node('Sigmoid', ['x'], 'a'), node('Shape', ['a'], 'n'), { op: 'TopK', in: ['a', 'k'], out: ['b', 'i'] }, node('Tanh', ['b'], 'y'), node('Equal', ['b', 'b'], 'same')],
      weights: { k: { dtype: 'int64' as const, dims: [1], data: BigInt64Array.of(2n) } },
    };
    const { quantizers, warnings } = place(sketch);
    assert.equal(quantizers.map(({ tensor }) => tensor), ['x', 'a', 'b', 'y']);
    assert.equal(warnings, ["no element type is known of 2 tensors; they are taken for float32: 'a', 'b'"]);
  });
});
