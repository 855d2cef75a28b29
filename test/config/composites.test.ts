import * as assert from 'uvu/assert';

import { float32Tensor, type Tensor } from '../../pipeline/base/tensor.ts';
import { floatAttribute, intAttribute, intsAttribute } from '../../pipeline/graph/attribute.ts';
import { parseConfig } from '../../pipeline/config/parse-config.ts';
import { placeQuantizers } from '../../pipeline/config/place-quantizers.ts';
import { inferTypes } from '../../pipeline/passes/infer-types.ts';
import { buildModel, weight, type NodeLine } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { node, place, tensors, usualBut } from './sketches.ts';

/** Constants are written as numbers among the inputs; `gamma` and `beta` are vectors. */
function sketchOf(nodes: readonly NodeLine[]) {
  const names = nodes.flatMap(line => line.in);
  const scalars = names.filter(name => name !== '' && !Number.isNaN(Number(name))).map(name => [name, float32Tensor([], Float32Array.of(Number(name)))] as const);
  const weights: Record<string, Tensor> = { gamma: weight([8]), beta: weight([8]), w: weight([8, 8]), cube: float32Tensor([1, 1, 1], Float32Array.of(0.25)), causal: float32Tensor([2, 8], Float32Array.from({ length: 16 }, (_, i) => i % 3 === 0 ? -1e9 : 0)), groups: { dtype: 'int64', dims: [2], data: BigInt64Array.of(2n, 8n) }, column: { dtype: 'int64', dims: [2], data: BigInt64Array.of(2n, 1n) }, row: { dtype: 'int64', dims: [2], data: BigInt64Array.of(1n, 2n) }, ...Object.fromEntries(scalars) };
  return { inputs: { x: [2, 8], other: [2, 8], shape: { dtype: 'int64' as const, shape: [2] }, mask: { dtype: 'bool' as const, shape: [2, 8] } }, weights, nodes: [...nodes, node('Tanh', [nodes.at(-1)!.out[0]!], 'out')], outputs: { out: null } };
}

const unitsOf = (nodes: readonly NodeLine[], config: object = usualBut({})) => place(sketchOf(nodes), config).units.map(({ kind, nodes }) => `${kind} of ${nodes.length}`);

const axes = { axes: intsAttribute([-1]) };
const mean = (input: string, output: string) => node('ReduceMean', [input], output, axes);
const centred = [mean('x', 'm'), node('Sub', ['x', 'm'], 'c')];
const deviation = [mean('p', 'v'), node('Add', ['v', '1e-5'], 've'), node('Sqrt', ['ve'], 's')];
const normalized = [...centred, node('Pow', ['c', '2'], 'p'), ...deviation, node('Div', ['c', 's'], 'n')];
const erf = (scaled: NodeLine) => [scaled, node('Erf', [scaled.out[0]!], 'e'), node('Add', ['e', '1'], 'g')];
const tanhOfCube = [
  node('Pow', ['x', '3'], 'x3'), node('Mul', ['x3', '0.044715'], 'k'), node('Add', ['x', 'k'], 'i'), node('Mul', ['i', '0.7978845608'], 'j'),
  node('Tanh', ['j'], 't'), node('Add', ['t', '1'], 'g'),
];
const kerasFactor = [...centred, node('Mul', ['c', 'c'], 'p'), ...deviation, node('Reciprocal', ['s'], 'r'), node('Mul', ['r', 'gamma'], 'f')];
const instances = [node('Reshape', ['x', 'groups'], 'g'), node('InstanceNormalization', ['g', 'gamma', 'beta'], 'n'), node('Reshape', ['n', 'groups'], 'r')];
const onePlusExp = (of: string) => [node('Neg', [of], 'm'), node('Exp', ['m'], 'e'), node('Add', ['e', '1'], 'p')];
/** Of two dimensions, as of channels last and of channels first, nothing is moved. */
const moved = { perm: intsAttribute([0, 1]) };
const relu6 = [node('Add', ['x', '3'], 'a'), node('Clip', ['a', '0', '6'], 'r')];

const written: [what: string, unit: string, nodes: NodeLine[]][] = [
  ['as PyTorch exports it', 'LayerNormalization of 9', [...normalized, node('Mul', ['n', 'gamma'], 'o'), node('Add', ['o', 'beta'], 'y')]],
  ['without bias', 'LayerNormalization of 8', [...normalized, node('Mul', ['n', 'gamma'], 'y')]],
  ['without weight', 'LayerNormalization of 8', [...normalized, node('Add', ['beta', 'n'], 'y')]],
  ['without either', 'LayerNormalization of 7', normalized],
  ['with a second difference and Mul for the square', 'LayerNormalization of 8', [
    ...centred, node('Sub', ['x', 'm'], 'd'), node('Mul', ['d', 'd'], 'p'), ...deviation, node('Div', ['c', 's'], 'y')]],
  ['with Reciprocal', 'LayerNormalization of 8', [...centred, node('Pow', ['c', '2'], 'p'), ...deviation, node('Reciprocal', ['s'], 'r'), node('Mul', ['c', 'r'], 'y')]],
  ['as Keras has it', 'LayerNormalization of 13', [...kerasFactor, node('Neg', ['m'], 'mn'), node('Mul', ['mn', 'f'], 'u'), node('Add', ['u', 'beta'], 'o'), node('Mul', ['x', 'f'], 'k'), node('Add', ['k', 'o'], 'y')]],
  ['as older Keras has it', 'LayerNormalization of 12', [...kerasFactor, node('Mul', ['m', 'f'], 'u'), node('Sub', ['beta', 'u'], 'o'), node('Mul', ['x', 'f'], 'k'), node('Add', ['k', 'o'], 'y')]],
  ['as Keras has it for a sequence', 'LayerNormalization of 12', [
    node('GlobalAveragePool', ['x'], 'm'), node('Sub', ['x', 'm'], 'c'), node('Mul', ['c', 'c'], 'p'), node('GlobalAveragePool', ['p'], 'v'), ...deviation.slice(1), node('Reciprocal', ['s'], 'r'), node('Mul', ['r', 'gamma'], 'f'),
    node('Mul', ['m', 'f'], 'u'), node('Sub', ['beta', 'u'], 'o'), node('Mul', ['x', 'f'], 'k'), node('Add', ['k', 'o'], 'y')]],
  ['as Keras has it for an image, whose mean of one channel is transposed', 'LayerNormalization of 14', [
    mean('x', 'm'), node('Reshape', ['m', 'column'], 'mt'), node('Sub', ['x', 'mt'], 'c'), ...kerasFactor.slice(2), node('Neg', ['m'], 'mn'), node('Mul', ['mn', 'f'], 'u'), node('Add', ['u', 'beta'], 'o'), node('Mul', ['x', 'f'], 'k'), node('Add', ['k', 'o'], 'y')]],
  ['as Keras has it', 'RMSNormalization of 7', [node('Mul', ['x', 'x'], 'p'), ...deviation, node('Reciprocal', ['s'], 'r'), node('Mul', ['r', 'gamma'], 'f'), node('Mul', ['x', 'f'], 'y')]],
  ['as Llama has it', 'RMSNormalization of 7', [node('Pow', ['x', '2'], 'p'), ...deviation, node('Div', ['1', 's'], 'r'), node('Mul', ['x', 'r'], 'n'), node('Mul', ['gamma', 'n'], 'y')]],
  ['as PyTorch exports it', 'Gelu of 5', [...erf(node('Div', ['x', '1.41421356'], 'd')), node('Mul', ['x', 'g'], 'o'), node('Mul', ['o', '0.5'], 'y')]],
  ['halved first', 'Gelu of 5', [...erf(node('Mul', ['x', '0.70710678'], 'd')), node('Mul', ['x', '0.5'], 'o'), node('Mul', ['g', 'o'], 'y')]],
  ['with tanh', 'Gelu of 8', [...tanhOfCube, node('Mul', ['x', '0.5'], 'o'), node('Mul', ['o', 'g'], 'y')]],
  ['with tanh of a cube whose channels are moved there and back', 'Gelu of 10', [
    node('Transpose', ['x'], 'xt', moved), node('Pow', ['xt', '3'], 'x3'), node('Mul', ['x3', '0.044715'], 'kt'), node('Transpose', ['kt'], 'k', moved), ...tanhOfCube.slice(2), node('Mul', ['x', '0.5'], 'o'), node('Mul', ['o', 'g'], 'y')]],
  ['with tanh of factored powers', 'Gelu of 9', [
    node('Mul', ['x', 'x'], 'x2'), node('Mul', ['x2', '0.044715'], 'k'), node('Add', ['k', '1'], 'i'), node('Mul', ['x', 'i'], 'l'), node('Mul', ['l', '0.7978845608'], 'j'),
    node('Tanh', ['j'], 't'), node('Add', ['t', '1'], 'g'), node('Mul', ['x', 'g'], 'o'), node('Mul', ['o', '0.5'], 'y')]],
  ['as PaddlePaddle exports it', 'HardSwish of 4', [...relu6, node('Mul', ['x', 'r'], 'o'), node('Div', ['o', '6'], 'y')]],
  ['divided first', 'HardSwish of 4', [...relu6, node('Div', ['r', '6'], 'o'), node('Mul', ['o', 'x'], 'y')]],
  ['with bounds in attributes', 'HardSwish of 4', [
    relu6[0]!, node('Clip', ['a'], 'r', { min: floatAttribute(0), max: floatAttribute(6) }), node('Mul', ['x', 'r'], 'o'), node('Mul', ['o', '0.16666667'], 'y')]],
  ['with HardSigmoid', 'HardSwish of 2', [node('HardSigmoid', ['x'], 'h', { alpha: floatAttribute(1 / 6) }), node('Mul', ['x', 'h'], 'y')]],
  ['of an input shifted by 3', 'HardSigmoid of 3', [...relu6, node('Div', ['r', '6'], 'y')]],
  ['of an input divided by 6', 'HardSigmoid of 3', [node('Div', ['x', '6'], 'd'), node('Add', ['d', '0.5'], 'a'), node('Clip', ['a', '0', '1'], 'y')]],
  ['alone', 'Swish of 2', [node('Sigmoid', ['x'], 's'), node('Mul', ['s', 'x'], 'y')]],
  ['with a factor', 'Swish of 3', [node('Mul', ['x', '1.702'], 'd'), node('Sigmoid', ['d'], 's'), node('Mul', ['x', 's'], 'y')]],
  ['as PyTorch decomposes it', 'Swish of 4', [...onePlusExp('x'), node('Div', ['x', 'p'], 'y')]],
  ['as PyTorch decomposes it, with a factor', 'Swish of 5', [node('Mul', ['x', '1.702'], 'd'), ...onePlusExp('d'), node('Div', ['x', 'p'], 'y')]],
  ['with a sigmoid written out', 'Swish of 5', [...onePlusExp('x'), node('Div', ['1', 'p'], 's'), node('Mul', ['s', 'x'], 'y')]],
  ['with a sigmoid written out by Reciprocal, and a factor of -1', 'Swish of 5', [
    node('Mul', ['x', '-1'], 'm'), node('Exp', ['m'], 'e'), node('Add', ['1', 'e'], 'p'), node('Reciprocal', ['p'], 's'), node('Mul', ['x', 's'], 'y')]],
  ['with the largest taken off', 'Softmax of 5', [
    node('ReduceMax', ['x'], 'm', axes), node('Sub', ['x', 'm'], 'c'), node('Exp', ['c'], 'e'), node('ReduceSum', ['e', '1'], 's'), node('Div', ['e', 's'], 'y')]],
  ['as PyTorch exports it', 'GroupNormalization of 5', [
    ...instances, node('Mul', ['r', 'gamma'], 'o'), node('Add', ['o', 'beta'], 'y')]],
  ['without weight and bias', 'GroupNormalization of 3', instances],
  ['of an output shape that is computed', 'GroupNormalization of 3', [
    node('Reshape', ['x', 'groups'], 'g'), node('InstanceNormalization', ['g', 'gamma', 'beta'], 'n'), node('Reshape', ['n', 'shape'], 'y')]],
  ['with the inverse of the sum', 'Softmax of 4', [
    node('Exp', ['x'], 'e'), node('ReduceSum', ['e', '1'], 's'), node('Reciprocal', ['s'], 'r'), node('Mul', ['e', 'r'], 'y')]],
  ['of masked logits', 'MaskedSoftmax of 2', [node('Where', ['mask', 'x', '-Infinity'], 'l'), node('Softmax', ['l'], 'y')]],
  ['of logits where no mask is', 'MaskedSoftmax of 2', [node('Where', ['mask', '-10000', 'x'], 'l'), node('Softmax', ['l'], 'y')]],
  ['of logits with a mask added', 'MaskedSoftmax of 2', [node('Add', ['x', 'causal'], 'l'), node('Softmax', ['l'], 'y')]],
  ['plainly', 'Softmax of 3', [node('Exp', ['x'], 'e'), node('ReduceSum', ['e', '1'], 's'), node('Div', ['e', 's'], 'y')]],
];

/** The product of x and `other`, with a constant factor in one place or the other. */
const scalings: [where: string, unit: string, nodes: NodeLine[]][] = [
  ['at the first factor', 'AttentionScaling of 2', [node('Mul', ['x', '0.25'], 'q'), node('MatMul', ['q', 'other'], 'y')]],
  ['at the second factor', 'AttentionScaling of 2', [node('Div', ['other', '4'], 'k'), node('MatMul', ['x', 'k'], 'y')]],
  ['at both', 'AttentionScaling of 3', [node('Mul', ['x', '0.5'], 'q'), node('Mul', ['0.5', 'other'], 'k'), node('MatMul', ['q', 'k'], 'y')]],
  ['at the product', 'AttentionScaling of 2', [node('MatMul', ['x', 'other'], 'p'), node('Mul', ['p', '0.25'], 'y')]],
  ['by the root of a width that is computed from a shape', 'AttentionScaling of 2', [
    node('Shape', ['x'], 'sh'), node('Cast', ['sh'], 'shf', { to: intAttribute(1) }), node('Sqrt', ['shf'], 'root'), node('MatMul', ['x', 'other'], 'p'), node('Div', ['p', 'root'], 'y')]],
  ['dividing the product', 'AttentionScaling of 2', [node('MatMul', ['x', 'other'], 'p'), node('Div', ['p', '4'], 'y')]],
];

const nearMisses: [what: string, nodes: NodeLine[]][] = [
  ['a normalization of another difference', [mean('other', 'm'), node('Sub', ['x', 'm'], 'c'), node('Pow', ['c', '2'], 'p'), ...deviation, node('Div', ['x', 's'], 'y')]],
  ['a cube whose dimensions are exchanged', [
    node('Transpose', ['x'], 'xt', { perm: intsAttribute([1, 0]) }), node('Pow', ['xt', '3'], 'x3'), node('Mul', ['x3', '0.044715'], 'kt'), node('Transpose', ['kt'], 'k', { perm: intsAttribute([1, 0]) }), ...tanhOfCube.slice(2), node('Mul', ['x', '0.5'], 'o'), node('Mul', ['o', 'g'], 'y')]],
  ['a norm of cubes', [...centred, node('Pow', ['c', '3'], 'p'), ...deviation, node('Div', ['c', 's'], 'y')]],
  ['an error function without its half', [...erf(node('Div', ['x', '1.41421356'], 'd')), node('Mul', ['x', 'g'], 'y')]],
  ['an error function of another scale', [...erf(node('Div', ['x', '2'], 'd')), node('Mul', ['x', 'g'], 'o'), node('Mul', ['o', '0.5'], 'y')]],
  ['a gate by another value', [node('Sigmoid', ['other'], 's'), node('Mul', ['x', 's'], 'y')]],
  ['a gate by another value, written out', [...onePlusExp('other'), node('Div', ['x', 'p'], 'y')]],
  ['a gate without a sign', [node('Exp', ['x'], 'e'), node('Add', ['e', '1'], 'p'), node('Div', ['x', 'p'], 'y')]],
  ['a gate with another number', [node('Neg', ['x'], 'm'), node('Exp', ['m'], 'e'), node('Add', ['e', '2'], 'p'), node('Div', ['x', 'p'], 'y')]],
  ['a clip to other bounds', [node('Add', ['x', '3'], 'a'), node('Clip', ['a', '0', '5'], 'r'), node('Mul', ['x', 'r'], 'o'), node('Div', ['o', '6'], 'y')]],
  ['a hard sigmoid of another slope', [node('HardSigmoid', ['x'], 'h', { alpha: floatAttribute(0.2) }), node('Mul', ['x', 'h'], 'y')]],
  ['a hard sigmoid of another offset', [node('HardSigmoid', ['x'], 'h', { alpha: floatAttribute(1 / 6), beta: floatAttribute(0.3) }), node('Mul', ['x', 'h'], 'y')]],
  ['a scaled product by a weight', [node('MatMul', ['x', 'w'], 'p'), node('Mul', ['p', '0.25'], 'y')]],
  ['a product scaled by a vector', [node('MatMul', ['x', 'other'], 'p'), node('Mul', ['p', 'gamma'], 'y')]],
  ['a product that its factor gives another dimension', [node('MatMul', ['x', 'other'], 'p'), node('Mul', ['p', 'cube'], 'y')]],
  ['a factor that gives its operand another dimension', [node('Div', ['x', 'cube'], 'q'), node('MatMul', ['q', 'other'], 'y')]],
  ['an instance normalization between other shapes', [node('InstanceNormalization', ['x', 'gamma', 'beta'], 'n'), node('Reshape', ['n', 'groups'], 'y')]],
  ['a Softmax of logits with a small bias', [node('Add', ['x', '-100'], 'l'), node('Softmax', ['l'], 'y')]],
  ['a Softmax of logits with a bias that is no mask', [node('Add', ['x', 'gamma'], 'l'), node('Softmax', ['l'], 'y')]],
  ['a product scaled by another activation', [node('Sqrt', ['other'], 'r'), node('MatMul', ['x', 'other'], 'p'), node('Mul', ['p', 'r'], 'y')]],
  ['a share of other sums', [node('Exp', ['x'], 'e'), node('ReduceSum', ['other', '1'], 's'), node('Div', ['e', 's'], 'y')]],
];

suite('config/composites', test => {
  for (const [what, unit, nodes] of written) {
    test(`${unit} nodes, ${what}, is one unit with one quantizer, at its end`, () => {
      const placement = place(sketchOf(nodes), usualBut({}));
      assert.equal(placement.units.map(({ kind, nodes }) => `${kind} of ${nodes.length}`), [unit]);
      assert.equal(tensors(placement), ['x', nodes.at(-1)!.out[0], 'out']);
    });
  }

  for (const [what, nodes] of nearMisses) {
    test(`${what} is no composite`, () => assert.equal(unitsOf(nodes), []));
  }

  const otherAxes = { axes: intsAttribute([0]) };
  const parts: [what: string, part: string, nodes: NodeLine[]][] = [
    ['a mean over one axis and a variance over another', 'RMSNormalization of 5', [
      node('ReduceMean', ['x'], 'm', otherAxes), node('Sub', ['x', 'm'], 'c'), node('Pow', ['c', '2'], 'p'), ...deviation, node('Div', ['c', 's'], 'y')]],
    ['a mean over all axes behind the channels and a variance over one', 'RMSNormalization of 5', [
      node('GlobalAveragePool', ['x'], 'm'), node('Sub', ['x', 'm'], 'c'), node('Pow', ['c', '2'], 'p'), ...deviation, node('Div', ['c', 's'], 'y')]],
    ['a largest value over one axis and a sum over another', 'Softmax of 3', [
      node('ReduceMax', ['x'], 'm', otherAxes), node('Sub', ['x', 'm'], 'c'), node('Exp', ['c'], 'e'), node('ReduceSum', ['e', '1'], 's'), node('Div', ['e', 's'], 'y')]],
  ];
  for (const [what, part, nodes] of parts) {
    test(`${what} are one unit only as far as one axis goes`, () => assert.equal(unitsOf(nodes), [part]));
  }

  for (const [shape, unit] of [['column', 'LayerNormalization of 8'], ['row', 'RMSNormalization of 5']] as const) {
    test(`a mean that is reshaped to a ${shape}: ${unit} nodes`, () => {
      const model = buildModel(sketchOf([mean('x', 'm'), node('Reshape', ['m', shape], 'mt'), node('Sub', ['x', 'mt'], 'c'), node('Pow', ['c', '2'], 'p'), ...deviation, node('Div', ['c', 's'], 'y')]));
      inferTypes(model);
      const { units } = placeQuantizers(model, parseConfig(usualBut({}), 'the test'));
      assert.equal(units.map(({ kind, nodes }) => `${kind} of ${nodes.length}`), [unit]);
    });
  }

  for (const [where, unit, nodes] of scalings) {
    test(`a product of activations scaled ${where} has no quantizer inside, and the settings of MatMul`, () => {
      const placement = place(sketchOf(nodes), usualBut({ op_type: { MatMul: { encoding_constraints: { min: -8, max: 4 } } } }));
      assert.equal(placement.units.map(({ kind, nodes }) => `${kind} of ${nodes.length}`), [unit]);
      assert.equal(placement.quantizers.map(({ tensor }) => tensor), ['x', 'other', 'y', 'out']);
      assert.equal(placement.quantizers[2]!.constraint, { min: -8, max: 4 });
      assert.equal(unitsOf(nodes, usualBut({ composites: { AttentionScaling: 'False' } })), []);
    });
  }

  const masks: [what: string, nodes: NodeLine[]][] = [
    ['a factor of -10000', [node('Mul', ['other', '-10000'], 'far'), node('Unsqueeze', ['far', 'groups'], 'm')]],
    ['a condition', [node('Where', ['mask', '0', '-Infinity'], 'm')]],
    ['a shape', [node('Shape', ['x'], 'sh'), node('ConstantOfShape', ['sh'], 'm')]],
  ];
  for (const [what, nodes] of masks) {
    test(`logits with a mask that is computed from ${what} have no quantizer before their Softmax`, () => {
      const placement = place(sketchOf([...nodes, node('Add', ['x', 'm'], 'l'), node('Softmax', ['l'], 'y')]));
      assert.equal(placement.units.map(({ kind, nodes }) => `${kind} of ${nodes.length}`), ['MaskedSoftmax of 2']);
      assert.not.ok(tensors(placement).includes('l'));
    });
  }

  const swish = written.find(([what]) => what === 'alone')![2];

  test('a value inside that another operator reads, or that is a graph output, is no inside', () => {
    assert.equal(unitsOf([...swish.slice(0, 1), node('Tanh', ['s'], 't'), ...swish.slice(1)]), []);
    assert.equal(place({ ...sketchOf(swish), outputs: { out: null, s: null } }).units, []);
  });

  test('each can be switched off, by its name', () => {
    for (const [, unit, nodes] of written) {
      const kind = unit.split(' ')[0]!;
      assert.not.ok(unitsOf(nodes, usualBut({ composites: { [kind]: 'False' } })).includes(unit), unit);
    }
  });

  test('settings of the operator that it is hold for the end of a composite, those of its primitive operators do not', () => {
    const config = usualBut({ op_type: { Swish: { is_symmetric: 'True' }, Mul: { is_output_quantized: 'False' }, Sigmoid: { encoding_constraints: { min: 0, max: 1 } } } });
    const placement = place(sketchOf(swish), config);
    assert.equal(placement.quantizers.map(({ tensor, grid, constraint }) => [tensor, grid.symmetry, constraint]), [
      ['x', 'symmetric', null], ['y', 'symmetric', null], ['out', 'asymmetric', null],
    ]);
  });

  test('the constants of a composite are a part of it, and those of more than one element are listed as such', () => {
    const part = (name: string, reason: string) => ({ kind: 'tensor', name, opType: 'initializer', reason });
    assert.equal(place(sketchOf(written[0]![2])).float, ['gamma', 'beta'].map(name => part(name, "part of LayerNormalization 'y'")));
  });

  test('a constant that a composite reads keeps its value also for others', () => {
    const nodes = [...written.find(([, unit]) => unit === 'Gelu of 5')![2], node('Mul', ['y', '0.5'], 'z')];
    assert.equal(tensors(place(sketchOf(nodes))), ['x', 'y', 'z', 'out']);
  });

  test('a product and its bias are one unit where AIMET\'s list of passes asks for it', () => {
    const nodes = [node('MatMul', ['x', 'w'], 'p'), node('Add', ['beta', 'p'], 'y')];
    assert.equal(tensors(place(sketchOf(nodes))), ['x', 'w', 'p', 'beta', 'y', 'out']);
    assert.equal(tensors(place(sketchOf(nodes), usualBut({ supergroup_pass_list: ['MatmulAdd'] }))), ['x', 'w', 'y', 'out']);
  });

  const biased = [node('MatMul', ['x', 'w'], 'p'), node('Add', ['beta', 'p'], 'y')];
  const byPass = { supergroup_pass_list: ['LayerNormalization', 'MatmulAdd'] }, byName = { composites: { MatMulAdd: 'True' } };

  test('a unit has the line of the configuration that made it one', () => {
    const ruleIn = (sections: object, aimetPlacement = false) => place(sketchOf(biased), usualBut(sections), { aimetPlacement }).units.map(({ rule: { section, path } }) => `${section}: ${path}`);
    assert.equal(ruleIn(byPass), ['supergroups: supergroup_pass_list[1]']);
    assert.equal(ruleIn(byName), ['supergroups: composites.MatMulAdd']);
    assert.equal(ruleIn({ ...byPass, ...byName }), ['supergroups: composites.MatMulAdd']);
    assert.equal(ruleIn({}, true), ['exception: Add after MatMul']);
    assert.equal(ruleIn(byPass, true), ['supergroups: supergroup_pass_list[1]']);
    assert.equal(ruleIn({ ...byPass, composites: { MatMulAdd: 'False' } }, true), []);
  });

  test('a product and its bias go on in a supergroup that a MatMul or an Add begins; what a pass took, only in that of a MatMul', () => {
    const nodes = [...biased, node('Relu', ['y'], 'r')];
    const unitsIn = (first: string, sections: object, aimetPlacement = false) =>
      place(sketchOf(nodes), usualBut({ ...sections, supergroups: [{ op_list: [first, 'Relu'] }] }), { aimetPlacement }).units.map(({ kind, nodes }) => `${kind} of ${nodes.length}`);
    for (const first of ['MatMul', 'Add']) assert.equal(unitsIn(first, byName), ['MatMulAdd+Relu of 3']);
    assert.equal(unitsIn('Add', {}, true), ['MatMulAdd+Relu of 3']);
    assert.equal(unitsIn('MatMul', byPass), ['MatMulAdd+Relu of 3']);
    assert.equal(unitsIn('Add', byPass), ['MatMulAdd of 2']);
    assert.equal(place(sketchOf(nodes), usualBut({ ...byName, supergroups: [{ op_list: ['Add', 'Relu'] }] })).biases.map(({ tensor }) => tensor), ['beta']);
  });
});
