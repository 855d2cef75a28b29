import { readFile } from 'node:fs/promises';
import * as assert from 'uvu/assert';

import { inlineFunctions } from '../../pipeline/onnx/inline-functions.ts';
import type { AttributeProto, FunctionProto, ModelProto, NodeProto } from '../../pipeline/onnx/messages.ts';
import { readModel } from '../../pipeline/onnx/read-model.ts';
import { createMessage, encodeMessage } from '../../pipeline/onnx/schema.ts';
import { QuantSim } from '../../pipeline/sim/quant-sim.ts';
import { exportedModels, outputsOf, samplesOf } from '../support/exported.ts';
import { checkLinks } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { messageOf } from '../support/thrown.ts';

const functions = exportedModels.find(({ name }) => name === 'torch-functions-ts15')!;

const float = (name: string, f: number): AttributeProto => createMessage('AttributeProto', { name, type: 1, f });
const standsFor = (name: string, refAttrName: string): AttributeProto => createMessage('AttributeProto', { name, type: 1, refAttrName });
const node = (opType: string, input: string[], output: string[], fields: Partial<NodeProto> = {}): NodeProto => createMessage('NodeProto', { opType, input, output, ...fields });
const imports = (...sets: [domain: string, version: number][]) => sets.map(([domain, version]) => createMessage('OperatorSetIdProto', { domain, version: BigInt(version) }));
const called = (name: string, body: NodeProto[], fields: Partial<FunctionProto> = {}): FunctionProto =>
  createMessage('FunctionProto', { domain: 'own', name, input: ['a'], output: ['b'], node: body, opsetImport: imports(['', 17]), ...fields });

/** x → the nodes → y, [2, 3]. */
function modelOf(nodes: NodeProto[], functions: FunctionProto[]): ModelProto {
  const type = createMessage('TypeProto', { tensorType: createMessage('TypeProto_Tensor', { elemType: 1, shape: createMessage('TensorShapeProto', { dim: [2n, 3n].map(dimValue => createMessage('TensorShapeProto_Dimension', { dimValue })) }) }) });
  const [input, output] = ['x', 'y'].map(name => createMessage('ValueInfoProto', { name, type }));
  return createMessage('ModelProto', { irVersion: 8n, opsetImport: imports(['', 17], ['own', 1]), functions, graph: createMessage('GraphProto', { name: 'g', node: nodes, input: [input!], output: [output!] }) });
}

const call = (opType: string, input: string[], output: string[], fields: Partial<NodeProto> = {}) => node(opType, input, output, { domain: 'own', ...fields });
const operatorsOf = (model: ModelProto) => inlineFunctions(model).graph!.node.map(({ opType }) => opType);

suite('onnx/inline-functions', test => {
  test('modules that PyTorch exports as functions compute the same in the place of their calls, and are quantized as if they had been there', async () => {
    const bytes = await readFile(functions.path);
    const [original, inlined] = [readModel(bytes), readModel(bytes, { inlineFunctions: true })];
    checkLinks(inlined.graph);
    assert.ok(original.graph.nodes.every(({ domain }) => domain !== '') && inlined.graph.nodes.every(({ domain }) => domain === ''));
    assert.equal(inlined.graph.outputs.map(({ name }) => name), original.graph.outputs.map(({ name }) => name));
    const fed = await samplesOf(functions, original);
    assert.equal(await outputsOf('native', inlined, fed, { optimize: 'disabled' }), await outputsOf('native', original, fed, { optimize: 'disabled' }));
    const { placement } = await QuantSim.open(functions.path);
    const plain = await QuantSim.open('fixtures/models/exported/torch-attention-ts13.onnx');
    assert.equal(placement.units.map(({ kind }) => kind).sort(), plain.placement.units.map(({ kind }) => kind).sort());
    assert.is(placement.quantizers.length, plain.placement.quantizers.length);
  });

  test('an attribute of a call takes its place inside, else the default, else that of the operator', () => {
    const leaky = called('Leaky', [node('LeakyRelu', ['a'], ['b'], { attribute: [standsFor('alpha', 'slope')] })], { attributeProto: [float('slope', 0.25)] });
    const elu = called('Soft', [node('Elu', ['a'], ['b'], { attribute: [standsFor('alpha', 'height')] })]);
    const model = modelOf([call('Leaky', ['x'], ['p'], { attribute: [float('slope', 0.5)] }), call('Leaky', ['p'], ['q']), call('Soft', ['q'], ['y'])], [leaky, elu]);
    assert.equal(inlineFunctions(model).graph!.node.map(({ opType, attribute }) => [opType, attribute.map(({ name, f }) => [name, f])]), [['LeakyRelu', [['alpha', 0.5]]], ['LeakyRelu', [['alpha', 0.25]]], ['Elu', []]]);
  });

  test('what is computed inside has a name of its own for every call; absent inputs and outputs stay absent', async () => {
    const inner = called('Inner', [node('Relu', ['a'], ['t']), node('Neg', ['t'], ['b'])]);
    const outer = called('Outer', [call('Inner', ['a'], ['t'], { name: 'first' }), call('Inner', ['t'], ['u']), node('Clip', ['u', 'low'], ['b']), node('Abs', ['b'], ['extra'])], { input: ['a', 'low'], output: ['b', 'extra'], opsetImport: imports(['', 17], ['own', 1]) });
    const model = modelOf([call('Outer', ['x'], ['p'], { name: 'one' }), node('Relu', ['p'], ['one/t']), call('Outer', ['one/t'], ['y', ''])], [inner, outer]);
    const made = inlineFunctions(model);
    assert.equal(made.functions, []);
    const outputs = made.graph!.node.flatMap(({ output }) => output);
    assert.is(new Set(outputs).size, outputs.length);
    assert.ok(outputs.includes('p') && outputs.includes('y') && outputs.includes('one/t') && outputs.includes('one/t_1'), outputs.join());
    assert.equal(made.graph!.node.filter(({ opType }) => opType === 'Clip').map(({ input }) => input[1]), ['', '']);
    checkLinks(readModel(encodeMessage('ModelProto', made)).graph);
  });

  for (const [what, fields] of [
    ['imports another version of the operators', { opsetImport: imports(['', 13]) }],
    ['hands on what it is given', { node: [], output: ['a'] }],
    ['holds a subgraph', { node: [node('If', ['a'], ['b'], { attribute: [createMessage('AttributeProto', { name: 'then_branch', type: 5, g: createMessage('GraphProto', { name: 'then' }) })] })] }],
  ] as const) {
    test(`a function that ${what} stays one`, () => {
      const model = modelOf([call('Own', ['x'], ['y'])], [called('Own', [node('Relu', ['a'], ['b'])], fields as Partial<FunctionProto>)]);
      assert.equal([operatorsOf(model), inlineFunctions(model).functions.length], [['Own'], 1]);
    });
  }

  test('a function that a subgraph, or a function that stays, still calls is not lost', () => {
    const used = called('Own', [node('Relu', ['a'], ['b'])]);
    const branch = createMessage('GraphProto', { name: 'then', node: [call('Own', ['x'], ['inside'])] });
    const inSubgraph = modelOf([call('Own', ['x'], ['p']), node('If', ['p'], ['y'], { attribute: [createMessage('AttributeProto', { name: 'then_branch', type: 5, g: branch })] })], [used]);
    assert.equal([operatorsOf(inSubgraph), inlineFunctions(inSubgraph).functions.map(({ name }) => name)], [['Relu', 'If'], ['Own']]);
    const closed = called('Closed', [call('Own', ['a'], ['b'])], { opsetImport: imports(['', 13], ['own', 1]) });
    const inFunction = modelOf([call('Closed', ['x'], ['y'])], [used, closed]);
    assert.equal([operatorsOf(inFunction), inlineFunctions(inFunction).functions.map(({ name }) => name)], [['Closed'], ['Own', 'Closed']]);
  });

  test('names inside are none that a subgraph has', () => {
    const branch = createMessage('GraphProto', { name: 'then', node: [node('Neg', ['x'], ['one/t'])] });
    const model = modelOf([call('Own', ['x'], ['p'], { name: 'one' }), node('If', ['p'], ['y'], { attribute: [createMessage('AttributeProto', { name: 'then_branch', type: 5, g: branch })] })], [called('Own', [node('Relu', ['a'], ['t']), node('Neg', ['t'], ['b'])])]);
    assert.equal(inlineFunctions(model).graph!.node[0]!.output, ['one/t_1']);
  });

  test('operators that a function imports, and the model does not, are imported', () => {
    const model = modelOf([call('Own', ['x'], ['y'])], [called('Own', [node('Gelu', ['a'], ['b'], { domain: 'com.microsoft' })], { opsetImport: imports(['', 17], ['com.microsoft', 1]) })]);
    assert.equal(inlineFunctions(model).opsetImport.map(({ domain }) => domain), ['', 'own', 'com.microsoft']);
  });

  test('functions that call themselves are refused', () => {
    const model = modelOf([call('Own', ['x'], ['y'])], [called('Own', [call('Own', ['a'], ['b'])], { opsetImport: imports(['', 17], ['own', 1]) })]);
    assert.match(messageOf(() => inlineFunctions(model)), /^model-malformed function 'Own' of 'own' calls itself/);
  });

  test('what is read without inlining is as it was', async () => {
    const { nodes } = readModel(await readFile(functions.path)).graph;
    assert.equal(nodes.map(({ opType }) => opType), ['Transformer']);
  });
});
