import * as assert from 'uvu/assert';

import type { PlacementOptions } from '../../pipeline/config/place-quantizers.ts';
import { type Attribute, floatAttribute, intAttribute } from '../../pipeline/graph/attribute.ts';
import { type NodeLine, weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { node, place, USUAL, usualBut } from './sketches.ts';

const perChannel = usualBut({ defaults: { ...USUAL.defaults, per_channel_quantization: 'True' } });

const inBlocks: PlacementOptions = { blocks: { blockSize: 2, decompressedBitwidth: null, undivided: 'refuse' } };

interface Sketched { readonly weightDims: number[]; readonly biasDims: number[]; readonly attributes?: Record<string, Attribute>; readonly config?: object; readonly options?: PlacementOptions }

function biasesOf(op: string, { weightDims, biasDims, attributes = {}, config = perChannel, options = {} }: Sketched) {
  return place({
    inputs: { x: [2, 4, 8, 8] }, weights: { w: weight(weightDims), b: weight(biasDims) },
    nodes: [node(op, ['x', 'w', 'b'], 'y', attributes)], outputs: { y: null },
  }, config, options).biases;
}

suite('config/bias', test => {
  const found = [{ tensor: 'b', input: 'x', weight: 'w' }];
  const cases: [what: string, op: string, options: Sketched, isPlaced: boolean][] = [
    ['of a convolution', 'Conv', { weightDims: [6, 4, 3, 3], biasDims: [6] }, true],
    ['of a transposed convolution', 'ConvTranspose', { weightDims: [4, 6, 3, 3], biasDims: [6] }, true],
    ['of a transposed convolution in groups, which share weight channels', 'ConvTranspose', { weightDims: [4, 3, 3, 3], biasDims: [6], attributes: { group: intAttribute(2) } }, true],
    ['of a product', 'Gemm', { weightDims: [4, 6], biasDims: [6] }, true],
    ['of a product, with a leading 1', 'Gemm', { weightDims: [4, 6], biasDims: [1, 6] }, true],
    ['that is one number for all channels', 'Gemm', { weightDims: [4, 6], biasDims: [1] }, false],
    ['that is one number, per tensor', 'Gemm', { weightDims: [4, 6], biasDims: [1], config: USUAL }, true],
    ['with a row for every sample', 'Gemm', { weightDims: [4, 6], biasDims: [2, 6] }, false],
    ['with one number for every sample', 'Gemm', { weightDims: [4, 6], biasDims: [2, 1], config: USUAL }, false],
    ['of a product that is scaled', 'Gemm', { weightDims: [4, 6], biasDims: [6], attributes: { alpha: floatAttribute(0.5) } }, false],
    ['that is scaled itself', 'Gemm', { weightDims: [4, 6], biasDims: [6], attributes: { beta: floatAttribute(2) } }, false],
    ['beside a weight in float', 'Conv', { weightDims: [6, 4, 3, 3], biasDims: [6], config: usualBut({ params: { weight: { is_quantized: 'False' } } }) }, false],
    ['beside an activation in float', 'Conv', { weightDims: [6, 4, 3, 3], biasDims: [6], config: usualBut({ model_input: {} }) }, false],
    ['in blocks, with an element for every output channel', 'Conv', { weightDims: [6, 4, 3, 3], biasDims: [6], options: inBlocks }, true],
    ['in blocks, of groups that share weight channels', 'ConvTranspose', { weightDims: [4, 3, 3, 3], biasDims: [6], attributes: { group: intAttribute(2) }, options: inBlocks }, true],
    ['in blocks, that is one number for all channels', 'Gemm', { weightDims: [4, 6], biasDims: [1], options: inBlocks }, false],
    ['of a normalization', 'LayerNormalization', { weightDims: [8], biasDims: [8] }, false],
  ];
  for (const [what, op, options, isPlaced] of cases) {
    test(`a bias ${what} ${isPlaced ? 'follows' : 'does not follow'} from its neighbours`, () => {
      assert.equal(biasesOf(op, options).map(({ tensor, input, weight }) => ({ tensor, input, weight })), isPlaced ? found : []);
    });
  }

  // a product and what is added to it: one layer where the configuration says so
  const asComposite = { composites: { MatMulAdd: 'True' } }, asSupergroup = { supergroups: [{ op_list: ['MatMul', 'Add'] }] };
  const products: [what: string, options: { added?: string[]; biasDims?: number[]; weightDims?: number[]; sections?: object; config?: object }, isPlaced: boolean][] = [
    ['of a MatMul and Add that are one layer', {}, true],
    ['that is the first operand of its Add', { added: ['b', 'p'] }, true],
    ['of a MatMul and Add in one supergroup', { sections: asSupergroup }, true],
    ['of a MatMul and Add, with a leading 1, in one supergroup', { sections: asSupergroup, biasDims: [1, 6] }, true],
    ['of a MatMul and Add that are two layers', { sections: {} }, false],
    ['of a MatMul and Add, one number for all channels', { biasDims: [1] }, false],
    ['of a MatMul and Add, one number, per tensor', { biasDims: [1], config: USUAL }, true],
    ['of a MatMul and Add, with a row for every sample, in one supergroup', { sections: asSupergroup, biasDims: [8, 6] }, false],
    ['of a MatMul and Add, with one number for every row, in one supergroup', { sections: asSupergroup, biasDims: [8, 1], config: USUAL }, false],
    ['of a MatMul and Add, as many numbers as columns, but one for every row, in one supergroup', { sections: asSupergroup, biasDims: [6, 1], config: USUAL }, false],
    ['of a MatMul and Add, a number without dimensions, in one supergroup, per tensor', { sections: asSupergroup, biasDims: [], config: USUAL }, true],
    ['of a MatMul by one column, with more elements than the column gives', { weightDims: [8, 1], config: USUAL }, false],
    ['of a MatMul by a stack of matrices', { weightDims: [4, 8, 6] }, true],
    ['of a MatMul by a vector', { weightDims: [8], biasDims: [8], config: USUAL }, false],
  ];
  const productWith = ({ added = ['p', 'b'], biasDims = [6], weightDims = [8, 6], sections = asComposite, config = perChannel }: (typeof products)[number][1]) => place({
    inputs: { x: [4, 8, 8] }, weights: { w: weight(weightDims), b: weight(biasDims) },
    nodes: [node('MatMul', ['x', 'w'], 'p'), node('Add', added, 'y'), node('Tanh', ['y'], 'z')], outputs: { z: null },
  }, { ...config, ...sections });
  for (const [what, options, isPlaced] of products) {
    test(`a bias ${what} ${isPlaced ? 'follows' : 'does not follow'} from its neighbours`, () => {
      const { biases, quantizers, float } = productWith(options);
      assert.equal(biases.map(({ tensor, input, weight }) => ({ tensor, input, weight })), isPlaced ? found : []);
      if (isPlaced) assert.equal([quantizers.map(({ tensor }) => tensor), float], [['x', 'w', 'y', 'z'], []]);
    });
  }

  test('a constant for every row, which an Add brings to a MatMul, is no bias but an operand', () => {
    const { quantizers, float } = productWith({ sections: asSupergroup, biasDims: [6, 1], config: USUAL });
    assert.equal([quantizers.map(({ tensor }) => tensor), float], [['x', 'w', 'b', 'y', 'z'], []]);
  });

  test('a bias that two products read follows from the neighbours of each', () => {
    const { biases } = place({
      inputs: { x: [2, 4] }, weights: { v: weight([4, 4]), w: weight([4, 4], { seed: 2 }), b: weight([4]) },
      nodes: [node('MatMul', ['x', 'v'], 'p'), node('Add', ['p', 'b'], 'a'), node('MatMul', ['a', 'w'], 'q'), node('Add', ['b', 'q'], 'y')], outputs: { y: null },
    }, { ...perChannel, ...asComposite });
    assert.equal(biases.map(({ input, weight, node }) => [input, weight, node]), [['x', 'v', "Add of 'a'"], ['a', 'w', "Add of 'y'"]]);
  });

  test('a bias that stays in float is named, with the reason', () => {
    const reasons = (config: object, options = {}) => place({
      inputs: { x: [2, 4, 8, 8] }, weights: { w: weight([6, 4, 3, 3]), b: weight([6]) }, nodes: [node('Conv', ['x', 'w', 'b'], 'y')], outputs: { y: null },
    }, config, options).float.filter(({ name }) => name === 'b').map(({ reason }) => reason);
    assert.equal(reasons(perChannel), []);
    assert.equal(reasons(perChannel, { quantizeBias: false }), ['biases are to stay in float']);
    assert.equal(reasons(perChannel, { blocks: { blockSize: 2, decompressedBitwidth: null, undivided: 'refuse' as const } }), []);
    assert.equal(reasons(perChannel, { blocks: { blockSize: 2, decompressedBitwidth: 20, undivided: 'refuse' as const } }), ['products of more than 16 bits are not added up in int32']);
    assert.equal(reasons(perChannel, { weightBitwidth: 24 }), ['products of more than 16 bits are not added up in int32']);
    assert.equal(reasons(perChannel, { activationFormat: 'float16' }), ['a bias has the step of its products, and the activation beside it is in float16, which has none']);
    assert.equal(reasons(perChannel, { weightFormat: 'bfloat16' }), ['a bias has the step of its products, and the weight beside it is in bfloat16, which has none']);
    assert.equal(reasons(usualBut({ model_input: {} })), ['a bias has the step of its products, and the activation beside it is not quantized']);
    assert.equal(productWith({ biasDims: [1] }).float.map(({ name, reason }) => [name, reason]), [['b', 'its shape [1] does not give each of 6 weight channels its own element']]);
  });

  test('a bias follows from its neighbours whatever the configuration says of biases, and has no quantizer of its own', () => {
    for (const is_quantized of ['True', 'False']) {
      const { quantizers, biases } = place({
        inputs: { x: [2, 4] }, weights: { w: weight([4, 6]), b: weight([6]) }, nodes: [node('Gemm', ['x', 'w', 'b'], 'y')], outputs: { y: null },
      }, usualBut({ params: { bias: { is_quantized } } }));
      assert.equal(quantizers.map(({ tensor }) => tensor), ['x', 'w', 'y']);
      assert.is(biases.length, 1);
    }
  });

  // as AIMET has it: a constant that is a parameter of a layer is no activation of whoever else reads it
  const shared: [what: string, nodes: NodeLine[], told: string][] = [
    ['a Gemm', [node('Gemm', ['x', 'w', 'b'], 'a'), node('Add', ['a', 'b'], 'y')], "bias 'b' is int32 for Gemm of 'a', whose parameter it is, and float for what else reads it: Add of 'y'"],
    ['a MatMul and Add that are one layer', [node('MatMul', ['x', 'w'], 'p'), node('Add', ['p', 'b'], 'a'), node('Mul', ['a', 'b'], 'y')],
      "bias 'b' is int32 for Add of 'a', whose parameter it is, and float for what else reads it: Mul of 'y'"],
  ];
  for (const [what, nodes, told] of shared) {
    test(`a bias of ${what} that another operator computes with is int32 for its layer and float for the other, which is told`, () => {
      const { quantizers, biases, float, warnings } = place({ inputs: { x: [2, 4] }, weights: { w: weight([4, 6]), b: weight([6]) }, nodes, outputs: { y: null } }, { ...perChannel, ...asComposite });
      assert.equal(quantizers.map(({ tensor }) => tensor), ['x', 'w', 'a', 'y']);
      assert.equal(biases.map(({ tensor, node }) => [tensor, node]), [['b', `${nodes.find(({ out }) => out[0] === 'a')!.op} of 'a'`]]);
      assert.equal([float, warnings.filter(warning => warning.startsWith('bias'))], [[], [told]]);
    });
  }

  test('a bias that is a weight of another operator has the encoding of that one, which is told', () => {
    const { quantizers, biases, warnings } = place({
      inputs: { x: [2, 4] }, weights: { w: weight([4, 6]), b: weight([6]) }, nodes: [node('Gemm', ['x', 'w', 'b'], 'a'), node('PRelu', ['a', 'b'], 'y')], outputs: { y: null },
    });
    assert.equal(quantizers.map(({ tensor }) => tensor), ['x', 'w', 'b', 'a', 'y']);
    assert.equal(biases, []);
    assert.equal(warnings.filter(warning => warning.startsWith('bias')), ["bias 'b' of Gemm of 'a' has 8 bits and not 32: it is quantized as a weight of PRelu of 'y'"]);
  });

  test('a bias that two layers read follows from the neighbours of each', () => {
    const { biases } = place({
      inputs: { x: [2, 4] }, weights: { v: weight([4, 4]), w: weight([4, 4], { seed: 2 }), b: weight([4]) },
      nodes: [node('Gemm', ['x', 'v', 'b'], 'a'), node('Gemm', ['a', 'w', 'b'], 'y')], outputs: { y: null },
    });
    assert.equal(biases.map(({ input, weight, node }) => [input, weight, node]), [['x', 'v', "Gemm of 'a'"], ['a', 'w', "Gemm of 'y'"]]);
  });
});
