import * as assert from 'uvu/assert';

import { intAttribute } from '../../pipeline/graph/attribute.ts';
import { weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { messageOf } from '../support/thrown.ts';
import { lines, node, place, ruleOf, USUAL, usualBut } from './sketches.ts';

const attention = { inputs: { x: [4, 4] }, nodes: [node('Sigmoid', ['x'], 'q'), node('Tanh', ['x'], 'k'), node('MatMul', ['q', 'k'], 'y')], outputs: { y: null } };
const on = (hw_version: string, sections: object = {}) => usualBut({ defaults: { ...USUAL.defaults, hw_version }, ...sections });
/** Bit-width and symmetry by tensor: `x 8 asymmetric`. */
const grids = (sketch: Parameters<typeof place>[0], config: object, options = {}) =>
  lines(place(sketch, config, options)).map(line => line.split(' ').filter((_, index) => index !== 1).join(' '));

suite('config/hardware', test => {
  for (const version of ['V66', 'V68', 'V69']) {
    test(`${version} multiplies by 8-bit symmetric second inputs only`, () => {
      assert.equal(grids(attention, on(version), { activationBitwidth: 16 }), ['x 16 asymmetric', 'q 16 asymmetric', 'k 8 symmetric', 'y 16 asymmetric']);
    });
  }

  for (const version of ['V73', 'V75', 'V79', 'V81']) {
    test(`${version} multiplies by 16-bit second inputs where they are symmetric and the first has 16 bits too`, () => {
      const raised = on(version, { op_type: { Tanh: { supported_kernels: [{ activation: { bitwidth: 16, dtype: 'int' } }] } }, ...asymmetricParams(version) });
      assert.equal(grids(attention, raised), ['x 16 asymmetric', 'q 16 asymmetric', 'k 16 symmetric', 'y 8 asymmetric']);
      assert.is(ruleOf(place(attention, raised), 'q'), 'defaults.hw_version');
    });

    test(`${version} has no rule for second inputs of more than 16 bits`, () => {
      assert.equal(grids(attention, on(version, asymmetricParams(version)), { activationBitwidth: 24 }).slice(1, 3), ['q 24 asymmetric', 'k 24 asymmetric']);
    });

    test(`${version} leaves an 8-bit second input as it is`, () => {
      assert.equal(grids(attention, on(version, asymmetricParams(version))), ['x 8 asymmetric', 'q 8 asymmetric', 'k 8 asymmetric', 'y 8 asymmetric']);
    });
  }

  // a constant second input: hardware, bits of weights and activations, and what becomes of both inputs (x, w)
  const byConstant = { inputs: { x: [4, 4] }, weights: { w: weight([4, 4]) }, nodes: [node('MatMul', ['x', 'w'], 'y')], outputs: { y: null } };
  const rows: [version: string, weightBitwidth: number, activationBitwidth: number, expected: [x: string, w: string]][] = [
    ['V66', 16, 16, ['16 asymmetric', '8 symmetric']],
    ['V68', 4, 8, ['8 asymmetric', '8 symmetric']],
    ['V69', 8, 16, ['16 asymmetric', '8 symmetric']],
    ['V73', 16, 8, ['16 asymmetric', '16 symmetric']],
    ['V75', 16, 16, ['16 asymmetric', '16 symmetric']],
    ['V79', 8, 8, ['8 asymmetric', '8 asymmetric']],
    ['V81', 4, 16, ['16 asymmetric', '4 asymmetric']],
    ['V81', 24, 8, ['8 asymmetric', '24 asymmetric']],
  ];
  for (const [version, weightBitwidth, activationBitwidth, [x, w]] of rows) {
    test(`${version} multiplies ${activationBitwidth}-bit activations and a constant of ${weightBitwidth} bits as ${x} and ${w}`, () => {
      const placement = place(byConstant, on(version, asymmetricParams(version)), { weightBitwidth, activationBitwidth });
      assert.equal(grids(byConstant, on(version, asymmetricParams(version)), { weightBitwidth, activationBitwidth }).slice(0, 2), [`x ${x}`, `w ${w}`]);
      const isChanged = !w.startsWith(`${weightBitwidth} `) || !w.endsWith('asymmetric');
      assert.is(ruleOf(placement, 'w'), isChanged ? 'defaults.hw_version' : 'defaults.params.is_quantized');
    });
  }

  test('bit-widths that a product has instead of those asked for are told, counted and named', () => {
    const told = (sketch: Parameters<typeof place>[0], version: string, options: object, sections = {}) => place(sketch, on(version, sections), options).warnings.filter(warning => warning.startsWith('defaults.hw_version'));
    assert.equal(told(byConstant, 'V68', { weightBitwidth: 4 }), ["defaults.hw_version V68: 1 input of MatMul has other bits than were asked for: 'w' 8 and not 4"]);
    assert.equal(told(attention, 'V69', { activationBitwidth: 16 }), ["defaults.hw_version V69: 1 input of MatMul has other bits than were asked for: 'k' 8 and not 16"]);
    assert.equal(told(byConstant, 'V73', { weightBitwidth: 16 }), ["defaults.hw_version V73: 1 input of MatMul has other bits than were asked for: 'x' 16 and not 8"]);
    for (const [version, options] of [['V68', {}], ['V73', { weightBitwidth: 4 }], ['V75', { activationBitwidth: 16 }]] as const) assert.equal(told(byConstant, version, options), []);
    const names = ['v', 'w', 'u', 't'];
    const four = { inputs: { x: [4, 4] }, weights: Object.fromEntries(names.map((name, seed) => [name, weight([4, 4], { seed })])), nodes: names.map(name => node('MatMul', ['x', name], `${name}y`)), outputs: Object.fromEntries(names.map(name => [`${name}y`, null])) };
    assert.equal(told(four, 'V68', { weightBitwidth: 4 }), ["defaults.hw_version V68: 4 inputs of MatMul have other bits than were asked for: 'v' 8 and not 4, 'w' 8 and not 4, 'u' 8 and not 4 and 1 more"]);
  });

  test('constants of a Gemm, constants in float and constants that decompress to 8 bits have no exception', () => {
    const gemm = { ...byConstant, nodes: [node('Gemm', ['x', 'w'], 'y')] };
    assert.is(grids(gemm, on('V68', asymmetricParams('V68')), { weightBitwidth: 4 })[1], 'w 4 asymmetric');
    assert.equal(grids(byConstant, on('V68', { params: { weight: { is_quantized: 'False' } } }), { activationBitwidth: 16 }), ['x 16 asymmetric', 'y 16 asymmetric']);
    const blocks = (decompressedBitwidth: number | null) => ({ weightBitwidth: 4, blocks: { blockSize: 2, decompressedBitwidth, undivided: 'refuse' as const } });
    assert.is(place(byConstant, on('V68'), blocks(8)).quantizers.find(({ tensor }) => tensor === 'w')!.grid.bitwidth, 4);
    assert.is(place(byConstant, on('V68'), blocks(null)).quantizers.find(({ tensor }) => tensor === 'w')!.grid.bitwidth, 8);
  });

  test('constants that decompress to 16 bits are 16-bit second inputs, from V73 on', () => {
    const options = { weightBitwidth: 8, blocks: { blockSize: 2, decompressedBitwidth: 16, undivided: 'refuse' as const } };
    assert.equal(place(byConstant, on('V73'), options).quantizers.map(({ tensor, grid }) => [tensor, grid.bitwidth]), [['x', 16], ['w', 8], ['y', 8]]);
  });

  test('a computed second input is as symmetric as a weight would be, by the operator\'s own setting first', () => {
    assert.equal(grids(attention, on('V75'))[2], 'k 8 symmetric');
    assert.equal(grids(attention, on('V75', { op_type: { MatMul: { params: { weight: { is_symmetric: 'False' } } } } }))[2], 'k 8 asymmetric');
    const conv = { inputs: { x: [1, 4, 8, 8], f: [4, 4, 3, 3] }, nodes: [node('Tanh', ['f'], 'g'), node('Conv', ['x', 'g'], 'y')], outputs: { y: null } };
    assert.equal(grids(conv, on('V75')), ['x 8 asymmetric', 'f 8 asymmetric', 'g 8 symmetric', 'y 8 asymmetric']);
  });

  // one computed tensor is the second input of two layers: the later section holds, in whatever order they stand, and is the rule that is shown
  const twoLayers = (isSwapped: boolean) => {
    const readers = [node('MatMul', ['x', 'k'], 'y'), node('Gemm', ['x', 'k'], 'z')];
    return { inputs: { x: [4, 4] }, nodes: [node('Tanh', ['x'], 'k'), ...(isSwapped ? readers.toReversed() : readers)], outputs: { y: null, z: null } };
  };
  const saying = (is_symmetric: string) => ({ params: { weight: { is_symmetric } } });
  const symmetries: [what: string, sections: object, expected: string, rule: string][] = [
    ['defaults alone', {}, 'k 8 symmetric', 'defaults.params.is_symmetric'],
    ['params over defaults', { params: { weight: { is_symmetric: 'False' } } }, 'k 8 asymmetric', 'params.weight.is_symmetric'],
    ['op_type of one of them over params', { params: { weight: { is_symmetric: 'True' } }, op_type: { Gemm: saying('False') } }, 'k 8 asymmetric', 'op_type.Gemm.params.weight.is_symmetric'],
    ['op_type of the other over defaults', { op_type: { MatMul: saying('False') } }, 'k 8 asymmetric', 'op_type.MatMul.params.weight.is_symmetric'],
  ];
  for (const [what, sections, expected, rule] of symmetries) {
    test(`a computed second input of two layers: ${what}, whichever comes first`, () => {
      for (const isSwapped of [false, true]) {
        for (const [config, options] of [[on('V75', sections), {}], [usualBut(sections), { aimetPlacement: true }]] as const) {
          assert.is(grids(twoLayers(isSwapped), config, options)[1], expected);
          assert.is(ruleOf(place(twoLayers(isSwapped), config, options), 'k'), rule);
        }
      }
    });
  }

  test('two lines of op_type that contradict each other about a computed second input are refused, both named', () => {
    const config = on('V75', { op_type: { MatMul: saying('False'), Gemm: saying('True') } });
    for (const isSwapped of [false, true]) {
      const message = messageOf(() => place(twoLayers(isSwapped), config));
      for (const part of ['config-invalid', 'op_type.MatMul.params.weight.is_symmetric', 'op_type.Gemm.params.weight.is_symmetric', "'k'"]) assert.ok(message.includes(part), message);
    }
  });

  test('parameters that two normalizations share follow the wider output, whichever comes first', () => {
    const wide = (name: string, from: string) => node('GroupNormalization', [from, 'scale', 'shift'], name);
    for (const isSwapped of [false, true]) {
      const normalizations = isSwapped ? [wide('b', 'x'), wide('a', 'x')] : [wide('a', 'x'), wide('b', 'x')];
      const sketch = { inputs: { x: [1, 4, 8, 8] }, weights: { scale: weight([4]), shift: weight([4]) }, nodes: [...normalizations, node('Tanh', ['b'], 's'), node('MatMul', ['a', 's'], 'y')], outputs: { y: null } };
      const config = on('V73', { op_type: { Tanh: { supported_kernels: [{ activation: { bitwidth: 16, dtype: 'int' } }] } } });
      assert.equal(grids(sketch, config).filter(line => /^(a|b|scale) /.test(line)).toSorted(), ['a 16 asymmetric', 'b 8 asymmetric', 'scale 16 asymmetric']);
    }
  });

  test('products of floats have no exceptions', () => {
    const { quantizers, floats } = place(attention, on('V68', { op_type: { Sigmoid: { supported_kernels: [{ activation: { bitwidth: 16, dtype: 'float' } }] } } }), { activationBitwidth: 8 });
    assert.equal(floats.map(({ tensor }) => tensor), ['x', 'q']);
    assert.equal(quantizers.map(({ tensor, grid }) => [tensor, grid.bitwidth]), [['k', 8], ['y', 8]]);
  });

  test('without hw_version, or with one that is not known, there are no exceptions', () => {
    assert.equal(grids(attention, USUAL, { activationBitwidth: 16 })[2], 'k 16 asymmetric');
    assert.equal(grids(attention, on('V70'), { activationBitwidth: 16 })[2], 'k 16 asymmetric');
  });

  test('an input without a quantizer stands for the one before it, through operators with one input', () => {
    const sketch = { ...attention, nodes: [node('Sigmoid', ['x'], 'q'), node('Tanh', ['x'], 'k'), node('Relu', ['k'], 'r'), node('MatMul', ['q', 'r'], 'y')] };
    const config = on('V68', { op_type: { Relu: { is_output_quantized: 'False' } } });
    assert.equal(grids(sketch, config, { activationBitwidth: 16 }), ['x 16 asymmetric', 'q 16 asymmetric', 'k 8 symmetric', 'y 16 asymmetric']);
  });

  test('the scale of attention that is computed from shapes, as exporters write it, is no second input that might be meant', () => {
    const scaled = [
      node('Shape', ['x'], 'sh'), node('Cast', ['sh'], 'shf', { to: intAttribute(1) }), node('Sqrt', ['shf'], 'root'),
      node('Sigmoid', ['x'], 'q'), node('Tanh', ['x'], 'k'), node('Mul', ['q', 'root'], 'qs'), node('Mul', ['k', 'root'], 'ks'), node('MatMul', ['qs', 'ks'], 'y'),
    ];
    const sketch = { ...attention, inputs: { x: [4] }, nodes: scaled };
    for (const version of ['V68', 'V73']) {
      const placement = place(sketch, on(version), { activationBitwidth: 16 });
      assert.equal(placement.units.map(({ kind, nodes }) => [kind, nodes.length]), [['AttentionScaling', 3]]);
      assert.equal(placement.warnings.filter(warning => warning.includes('second input')), []);
      assert.is(grids(sketch, on(version), { activationBitwidth: 16 }).find(line => line.startsWith('k ')), version === 'V68' ? 'k 8 symmetric' : 'k 16 symmetric');
    }
  });

  test('where no quantizer is found, or several might be, a warning says so', () => {
    const sketch = { ...attention, nodes: [node('Sigmoid', ['x'], 'q'), node('Add', ['x', 'q'], 's'), node('MatMul', ['q', 's'], 'y')] };
    const { warnings } = place({ ...sketch, outputs: { y: [4, 4] } }, on('V68', { op_type: { Add: { is_output_quantized: 'False' } } }));
    assert.equal(warnings.slice(0, 1), ["MatMul of 'y': no quantizer is found for its second input, so the exceptions for products of activations do not apply"]);
  });

  test('a first input that was raised is symmetric where it is the second of an earlier product', () => {
    const sketch = {
      inputs: { x: [4, 4] }, outputs: { y: null, z: null },
      nodes: [node('Sigmoid', ['x'], 'a'), node('Tanh', ['x'], 'b'), node('Elu', ['x'], 'c'), node('MatMul', ['c', 'a'], 'y'), node('MatMul', ['a', 'b'], 'z')],
    };
    const config = on('V73', { op_type: { Tanh: { supported_kernels: [{ activation: { bitwidth: 16, dtype: 'int' } }] } }, ...asymmetricParams('V73') });
    assert.equal(grids(sketch, config).slice(1, 4), ['a 16 symmetric', 'b 16 symmetric', 'c 16 asymmetric']);
  });

  test('the parameters of GroupNormalization follow its output from V73 on', () => {
    const sketch = {
      inputs: { x: [1, 4, 8, 8] }, weights: { scale: weight([4]), shift: weight([4]) },
      nodes: [node('GroupNormalization', ['x', 'scale', 'shift'], 'y')], outputs: { y: null },
    };
    const quantizedBias = { params: { bias: { is_quantized: 'True' } } };
    assert.equal(grids(sketch, on('V73', quantizedBias), { activationBitwidth: 16 }), ['x 16 asymmetric', 'scale 16 asymmetric', 'shift 16 asymmetric', 'y 16 asymmetric']);
    assert.equal(grids(sketch, on('V69', quantizedBias), { activationBitwidth: 16 }), ['x 16 asymmetric', 'scale 8 symmetric', 'shift 8 symmetric', 'y 16 asymmetric']);
    // formats of floating point follow nothing, and nothing follows them
    for (const half of [{ activationFormat: 'float16', weightBitwidth: 16 }, { weightFormat: 'float16' }] as const) assert.equal(grids(sketch, on('V73', quantizedBias), half), grids(sketch, on('V69', quantizedBias), half));
    assert.match(grids(sketch, on('V73', quantizedBias), { activationFormat: 'float16', weightBitwidth: 16 }).join(), /scale 16 symmetric,shift 16 symmetric/);
  });
});

/** Defaults in which weights, and so second inputs, are asymmetric. */
function asymmetricParams(hw_version: string): object {
  return { defaults: { ops: { is_output_quantized: 'True' }, params: { is_quantized: 'True', is_symmetric: 'False' }, hw_version } };
}
