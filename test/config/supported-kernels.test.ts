import * as assert from 'uvu/assert';

import { weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { lines, node, place, ruleOf, USUAL, usualBut } from './sketches.ts';

const sketch = {
  inputs: { x: [2, 4] }, weights: { w: weight([4, 4]), v: weight([4, 4]) },
  nodes: [node('Gemm', ['x', 'w'], 'a'), node('Tanh', ['a'], 'b'), node('MatMul', ['b', 'v'], 'y')], outputs: { y: null },
};
const int = (bitwidth: number) => ({ bitwidth, dtype: 'int' });
const kernel = (activation: number, param: number) => ({ activation: int(activation), param: int(param) });
const modelHas = (...supported_kernels: object[]) => usualBut({ defaults: { ...USUAL.defaults, supported_kernels } });
const widths = (config: object, options = {}) => lines(place(sketch, config, options)).map(line => line.split(' ').slice(0, 3).filter((_, i) => i !== 1).join(' ')).join(', ');

suite('config/supported-kernels', test => {
  test('the first kernel of the defaults decides where no bit-width is asked for', () => {
    assert.is(widths(modelHas(kernel(16, 4), kernel(8, 8))), 'x 16, w 4, a 16, b 16, v 4, y 16');
    assert.is(widths(usualBut({})), 'x 8, w 8, a 8, b 8, v 8, y 8');
  });

  test('where one is asked for, the first kernel that has it decides the other', () => {
    const config = modelHas(kernel(16, 8), kernel(8, 4), kernel(8, 8));
    assert.is(widths(config, { activationBitwidth: 8 }), 'x 8, w 4, a 8, b 8, v 4, y 8');
    assert.is(widths(config, { activationBitwidth: 8, weightBitwidth: 8 }), 'x 8, w 8, a 8, b 8, v 8, y 8');
  });

  test('a combination that no kernel has is refused, with those there are', () => {
    assert.throws(() => place(sketch, modelHas(kernel(8, 8), kernel(16, 8)), { activationBitwidth: 16, weightBitwidth: 4 }),
      (error: Error) => error.message === 'defaults.supported_kernels: there is no kernel of 16-bit activations and 4-bit weights; there are int8 × int8, int16 × int8');
  });

  test('an operator type that lacks the kernel of the model runs its first, on its weight, its output, and what no operator computes', () => {
    const config = usualBut({ op_type: { Gemm: { supported_kernels: [kernel(16, 16), kernel(16, 8)] } } });
    assert.is(widths(config), 'x 16, w 16, a 16, b 8, v 8, y 8');
    assert.is(ruleOf(place(sketch, config), 'w'), 'op_type.Gemm.supported_kernels[0]');
    assert.is(ruleOf(place(sketch, config), 'a'), 'op_type.Gemm.supported_kernels[0]');
    assert.is(widths(usualBut({ op_type: { MatMul: { supported_kernels: [kernel(16, 8)] } } })), 'x 8, w 8, a 8, b 8, v 8, y 16');
  });

  test('one that lists the kernel of the model runs that, wherever in the list it is', () => {
    assert.is(widths(usualBut({ op_type: { Gemm: { supported_kernels: [kernel(16, 16), kernel(8, 8)] } } })), 'x 8, w 8, a 8, b 8, v 8, y 8');
  });

  test('a kernel without param speaks of activations only', () => {
    assert.is(widths(usualBut({ op_type: { Tanh: { supported_kernels: [{ activation: int(16) }] }, Gemm: { supported_kernels: [{ activation: int(8) }] } } }), { weightBitwidth: 4 }),
      'x 8, w 4, a 8, b 16, v 4, y 8');
  });

  test('an override that takes bits away is refused', () => {
    assert.throws(() => place(sketch, usualBut({ op_type: { Gemm: { supported_kernels: [kernel(4, 8)] } } })),
      (error: Error) => error.message === 'op_type.Gemm.supported_kernels[0] has 4-bit activations where the model has 8: an override only adds bits');
    assert.throws(() => place(sketch, usualBut({ op_type: { Gemm: { supported_kernels: [kernel(16, 4)] } } })), /has 4-bit weights where the model has 8/);
  });

  const float = (bitwidth: number) => ({ bitwidth, dtype: 'float' });
  const float16 = { activation: float(16), param: float(16) };
  const formats = (config: object, options = {}) => place(sketch, config, options).floats.map(({ tensor, role, format }) => `${tensor} ${role} ${format}`);

  test('a kernel of floats keeps tensors in float16, without grids: of the whole model, or of an operator type', () => {
    assert.equal(formats(modelHas(float16)), ['x activation float16', 'w weight float16', 'a activation float16', 'b activation float16', 'v weight float16', 'y activation float16']);
    assert.equal(place(sketch, modelHas(float16)).quantizers, []);
    const one = usualBut({ op_type: { Gemm: { supported_kernels: [float16] } } });
    assert.equal(formats(one), ['x activation float16', 'w weight float16', 'a activation float16']);
    assert.equal(place(sketch, one).floats[1]!.rule, { section: 'op_type', path: 'op_type.Gemm.supported_kernels[0]' });
    assert.is(widths(one), 'b 8, v 8, y 8, x float16, w float16, a float16'.replace(/ float16/g, ' 16'));
  });

  test('a format that is asked for is one of the kernels, and one further down the list is no matter otherwise', () => {
    const config = modelHas(kernel(8, 8), float16);
    assert.equal(formats(config), []);
    assert.is(formats(config, { weightFormat: 'float16', activationFormat: 'float16' }).length, 6);
    assert.throws(() => place(sketch, modelHas(kernel(8, 8)), { weightFormat: 'float16' }), /there is no kernel of float16 weights; there are int8 × int8/);
  });

  test('floats of 32 bits are no quantizers, and integers are no more precise than float16', () => {
    assert.throws(() => place(sketch, modelHas({ activation: float(32), param: float(32) })), /defaults\.supported_kernels\[0\] asks for float32, which is no quantizer/);
    assert.throws(() => place(sketch, usualBut({ op_type: { Gemm: { supported_kernels: [kernel(16, 16)] } } }), { activationFormat: 'float16' }),
      /supported_kernels\[0\] has 16-bit activations where the model has float16: an override only adds bits/);
  });

  for (const [options, message] of [
    [{ weightBitwidth: 1 }, 'the bit-width of weights must be an integer from 2 to 32, got 1'],
    [{ weightBitwidth: 33 }, 'the bit-width of weights must be an integer from 2 to 32, got 33'],
    [{ activationBitwidth: 3 }, 'the bit-width of activations must be an integer from 4 to 32, got 3'],
    [{ activationBitwidth: 33 }, 'the bit-width of activations must be an integer from 4 to 32, got 33'],
    [{ activationBitwidth: 8.5 }, 'the bit-width of activations must be an integer from 4 to 32, got 8.5'],
  ] as const) {
    test(`refuses: ${message}`, () => assert.throws(() => place(sketch, USUAL, options), (error: Error) => error.message === message));
  }
});
