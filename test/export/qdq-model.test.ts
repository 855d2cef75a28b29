import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import type { Tensor } from '../../pipeline/base/tensor.ts';
import { exportWarnings, qdqModel } from '../../pipeline/export/qdq-model.ts';
import { intAttribute, intOf } from '../../pipeline/graph/attribute.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import type { Node } from '../../pipeline/graph/node.ts';
import { readModel } from '../../pipeline/onnx/read-model.ts';
import { fitEncoding } from '../../pipeline/quant/encoding.ts';
import { grid } from '../../pipeline/quant/grid.ts';
import { simulate } from '../../pipeline/sim/simulate.ts';
import { buildModel, checkLinks, weight } from '../support/graphs.ts';
import { placementOf } from '../support/placements.ts';
import { suite } from '../support/suite.ts';
import * as wire from '../support/wire.ts';
import { node, operators, smallNetwork, unary } from './models.ts';

const nodeNamed = ({ graph }: Model, name: string): Node => graph.nodes.find(node => node.name === name)!;
const contentOf = ({ graph }: Model, name: string) => graph.values.get(name)!.initializer!.read();

/** What the DequantizeLinear of a tensor takes away. */
const zeroPointOf = (model: Model, name: string) => nodeNamed(model, `${name}_DequantizeLinear`).inputs[2]!.initializer!.read();

suite('export/qdq-model', test => {
  test('puts one pair on every placed activation and a DequantizeLinear on every constant', () => {
    const { model, placement, encodings } = smallNetwork();
    assert.equal(operators(qdqModel(model, placement, encodings)), [
      'DequantizeLinear', 'QuantizeLinear', 'DequantizeLinear', 'DequantizeLinear', 'Conv', // the Relu is gone: code 0 stands for 0
      'QuantizeLinear', 'DequantizeLinear', 'Flatten',
      'QuantizeLinear', 'DequantizeLinear', 'DequantizeLinear', 'DequantizeLinear', 'Gemm',
      'QuantizeLinear', 'DequantizeLinear',
    ]);
  });

  test('leaves the model it was given alone', () => {
    const { model, placement, encodings } = smallNetwork();
    const before = operators(model);
    qdqModel(model, placement, encodings);
    assert.equal(operators(model), before);
    assert.is(model.graph.values.get('kernel')!.uses.length, 1);
    assert.is(contentOf(model, 'kernel').dtype, 'float32');
  });

  test('keeps names and types of graph inputs and outputs', () => {
    const { model, placement, encodings } = smallNetwork();
    const { graph } = qdqModel(model, placement, encodings);
    const named = (values: Model['graph']['inputs']) => values.map(({ name, type }) => [name, type]);
    assert.equal(named(graph.inputs), named(model.graph.inputs));
    assert.equal(named(graph.outputs), named(model.graph.outputs));
    assert.is(graph.outputs[0]!.producer!.opType, 'DequantizeLinear');
  });

  test('stores symmetric weights per channel as uint8 around 128, and with weightType int8 around 0: the same codes', () => {
    const { model, placement, encodings } = smallNetwork();
    const unsigned = qdqModel(model, placement, encodings), signed = qdqModel(model, placement, encodings, { weightType: 'int8' });
    assert.equal([...contentOf(unsigned, 'kernel_zero_point').data], [128, 128]);
    assert.equal([...contentOf(signed, 'kernel_zero_point').data], [0, 0]);
    assert.is(contentOf(signed, 'kernel_quantized').dtype, 'int8');
    assert.equal([...contentOf(unsigned, 'kernel_quantized').data as Uint8Array].map(code => code - 128), [...contentOf(signed, 'kernel_quantized').data]);
    assert.is(intOf(nodeNamed(unsigned, 'kernel_DequantizeLinear'), 'axis', -1), 0);
    assert.equal(contentOf(unsigned, 'matrix_scale').dims, []);
    assert.is(zeroPointOf(unsigned, 'positive').dtype, 'uint8');
  });

  test('stores a bias as int32 without a zero point, with the step of its products', () => {
    const { model, placement, encodings } = smallNetwork();
    const exported = qdqModel(model, placement, encodings);
    const dequantize = nodeNamed(exported, 'shift_DequantizeLinear');
    assert.is(dequantize.inputs.length, 2);
    assert.is(contentOf(exported, 'shift_quantized').dtype, 'int32');
    const step = Math.fround(Math.fround(2.5 / 255) * Math.fround(2 / 127));
    assert.equal([...contentOf(exported, 'shift_scale').data], [step, step]);
    const [shift] = contentOf(model, 'shift').data as Float32Array;
    assert.is(contentOf(exported, 'shift_quantized').data[0], Math.round(shift! / step));
  });

  test('gives a bias that two nodes share a step for each', () => {
    const model = buildModel({ opset: 13,
      inputs: { x: ['N', 2] },
      weights: { w1: weight([2, 2]), w2: weight([2, 2]), b: weight([2]) },
      nodes: [node('Gemm', ['x', 'w1', 'b'], ['y']), node('Gemm', ['y', 'w2', 'b'], ['z'])],
      outputs: { z: null },
    });
    const { placement, encodings } = placementOf([
      { tensor: 'x', ranges: [[-1, 1]] }, { tensor: 'w1', role: 'weight', ranges: [[-2, 2]] },
      { tensor: 'y', ranges: [[-9, 9]] }, { tensor: 'w2', role: 'weight', ranges: [[-2, 2]] },
    ], [{ tensor: 'b', input: 'x', weight: 'w1', node: 'Gemm_y' }, { tensor: 'b', input: 'y', weight: 'w2', node: 'Gemm_z' }]);
    const { graph } = qdqModel(model, placement, encodings);
    const steps = graph.nodes.filter(({ opType }) => opType === 'Gemm').map(({ inputs }) => inputs[2]!.producer!.inputs[1]!.initializer!.read().data[0]);
    assert.ok(steps[1] as number / (steps[0] as number) > 8.9, `${steps}`);
    assert.not.ok(graph.values.has('b'));
  });

  test('gives readers of one weight one DequantizeLinear, before the first of them', () => {
    const model = buildModel({ opset: 13,
      inputs: { x: ['N', 2] }, weights: { w: weight([2, 2]) },
      nodes: [node('MatMul', ['x', 'w'], ['y']), node('MatMul', ['y', 'w'], ['z'])], outputs: { z: null },
    });
    const { placement, encodings } = placementOf([{ tensor: 'w', role: 'weight', ranges: [[-2, 2]] }]);
    assert.equal(operators(qdqModel(model, placement, encodings)), ['DequantizeLinear', 'MatMul', 'MatMul']);
  });

  test('leaves what data movement made of a constant per channel on the grid it has', () => {
    const model = buildModel({
      opset: 13, inputs: { x: ['N', 4] }, weights: { w: weight([2, 4]) },
      nodes: [node('Transpose', ['w'], ['t']), node('MatMul', ['x', 't'], ['y'])], outputs: { y: null },
    });
    const ranges = [[-1, 1], [-2, 2]] as const;
    const { placement, encodings } = placementOf([{ tensor: 'w', role: 'weight', axis: 0, ranges }, { tensor: 't', group: 'w', grid: grid(8, 'symmetric'), axis: 0, ranges }]);
    assert.equal(operators(qdqModel(model, placement, encodings)), ['DequantizeLinear', 'Transpose', 'MatMul']);
  });

  test('stores a constant activation as integers too', () => {
    const model = buildModel({ opset: 13, inputs: { x: ['N', 4] }, weights: { c: weight([4]) }, nodes: [node('Add', ['x', 'c'], ['y'])], outputs: { y: null } });
    const { placement, encodings } = placementOf([{ tensor: 'c', ranges: [[-2, 1]] }]);
    const exported = qdqModel(model, placement, encodings);
    assert.equal(operators(exported), ['DequantizeLinear', 'Add']);
    assert.is(zeroPointOf(exported, 'c').data[0], 170);
  });

  test('shares one pair among readers and the graph output of the same name', () => {
    const model = buildModel({ opset: 13, inputs: { x: ['N', 4] }, nodes: [node('Neg', ['x'], ['y']), node('Exp', ['y'], ['z'])], outputs: { y: null, z: null } });
    const { placement, encodings } = placementOf([{ tensor: 'y', ranges: [[-1, 1]] }]);
    const exported = qdqModel(model, placement, encodings);
    assert.equal(operators(exported), ['Neg', 'QuantizeLinear', 'DequantizeLinear', 'Exp']);
    assert.is(nodeNamed(exported, 'Exp_z').inputs[0], exported.graph.outputs[0]);
  });

  test('clips before grids narrower than their type', () => {
    const { model, placement, encodings } = unary('Abs', [{ tensor: 'y', grid: grid(4), ranges: [[0, 1.5]] }]);
    const exported = qdqModel(model, placement, encodings);
    assert.equal(operators(exported), ['Abs', 'Clip', 'QuantizeLinear', 'DequantizeLinear', 'Neg']);
    assert.is(contentOf(exported, 'y_max').data[0], Math.fround(15 * Math.fround(0.1)));
  });

  test('a mirrored grid clips too, and keeps zero at 128', () => {
    const { model, placement, encodings } = unary('Tanh', [{ tensor: 'y', grid: grid(8, 'strict-symmetric'), ranges: [[-1, 1]] }]);
    const exported = qdqModel(model, placement, encodings);
    assert.equal(operators(exported).slice(0, 2), ['Tanh', 'Clip']);
    assert.is(zeroPointOf(exported, 'y').data[0], 128);
  });

  test('keeps depthwise weights as floats on their grid where that is asked for, and no others', () => {
    const model = buildModel({
      opset: 13, inputs: { x: ['N', 2, 4, 4] }, weights: { d: weight([2, 1, 3, 3]), w: weight([2, 2, 1, 1]) },
      nodes: [node('Conv', ['x', 'd'], ['a'], { group: intAttribute(2) }), node('Conv', ['a', 'w'], ['y'])], outputs: { y: null },
    });
    const { placement, encodings } = placementOf([{ tensor: 'd', role: 'weight', axis: 0, ranges: [[-1, 1], [-1, 0.8]] }, { tensor: 'w', role: 'weight', ranges: [[-1, 1]] }]);
    const exported = qdqModel(model, placement, encodings, { depthwise: 'float' });
    assert.equal(operators(exported), ['Conv', 'DequantizeLinear', 'Conv']);
    assert.equal(contentOf(exported, 'd'), contentOf(simulate(model, placement, encodings), 'd'));
    assert.equal(operators(qdqModel(model, placement, encodings)), ['DequantizeLinear', 'Conv', 'DequantizeLinear', 'Conv']);
  });

  test('takes a stored weight out of the graph inputs', () => {
    const { model, placement, encodings } = smallNetwork();
    model.graph.inputs.push(model.graph.values.get('kernel')!);
    assert.equal(qdqModel(model, placement, encodings).graph.inputs.map(({ name }) => name), ['image']);
  });

  test('raises the operator set for 16 bits, and stores uint16 or int16', () => {
    const { model, placement, encodings } = unary('Abs', [{ tensor: 'y', grid: grid(16), ranges: [[0, 1]] }]);
    const exported = qdqModel(model, placement, encodings);
    assert.equal([exported.opsets.get(''), model.opsets.get('')], [21, 13]);
    assert.is(zeroPointOf(exported, 'y').dtype, 'uint16');
    assert.equal(zeroPointOf(qdqModel(model, placement, encodings, { activationType: 'int8' }), 'y'), { dtype: 'int16', dims: [], data: Int16Array.of(-32_768) });
  });

  test('refuses 16 bits where a node of the model has no form in opset 21, naming it', () => {
    const model = buildModel({ opset: 13, inputs: { x: ['N', 4] }, nodes: [node('Upsample', ['x'], ['y']), node('Abs', ['y'], ['z'])], outputs: { z: null } });
    const { placement, encodings } = placementOf([{ tensor: 'y', grid: grid(16), ranges: [[0, 1]] }]);
    model.opsets.set('', 8);
    assert.throws(() => qdqModel(model, placement, encodings), (error: unknown) => error instanceof QuantpipeError && error.code === 'op-unsupported' && error.message.includes('Upsample_y'));
  });

  test('stores weights of up to 4 bits as uint4 or int4, and activations of so many in bytes', () => {
    const { model, placement, encodings } = unary('Abs', [{ tensor: 'y', grid: grid(4), ranges: [[0, 1.5]] }]);
    assert.is(zeroPointOf(qdqModel(model, placement, encodings), 'y').dtype, 'uint8');
    const product = buildModel({ opset: 13, inputs: { x: ['N', 2] }, weights: { w: weight([2, 3]) }, nodes: [node('MatMul', ['x', 'w'], ['y'])], outputs: { y: null } });
    const placed = placementOf([{ tensor: 'w', role: 'weight', grid: grid(3, 'symmetric'), ranges: [[-1, 1]] }]);
    for (const [weightType, dtype, zeroPoint] of [['uint8', 'uint4', 4], ['int8', 'int4', 0]] as const) {
      const exported = qdqModel(product, placed.placement, placed.encodings, { weightType });
      assert.is(contentOf(exported, 'w_quantized').dtype, dtype);
      assert.is(zeroPointOf(exported, 'w').data[0], zeroPoint);
      assert.is(exported.opsets.get(''), 21);
    }
  });

  test('tells DequantizeLinear of blocks: their size, and a scale for each, in place of what they divide', () => {
    const model = buildModel({ opset: 13, inputs: { x: ['N', 4, 5, 5] }, weights: { w: weight([2, 4, 1, 3]) }, nodes: [node('Conv', ['x', 'w'], ['y'])], outputs: { y: null } });
    const codes = grid(4, 'symmetric');
    const { placement } = placementOf([{ tensor: 'w', role: 'weight', grid: codes, ranges: [] }]);
    const [quantizer] = placement.quantizers;
    const inBlocks = { ...placement, quantizers: [{ ...quantizer!, granularity: { kind: 'block' as const, axis: 1, blockSize: 2, channelAxis: 0, decompressedBitwidth: null } }] };
    const exported = qdqModel(model, inBlocks, new Map([['w', [1, 2, 3, 4].map(bound => fitEncoding(-7 * bound, 7 * bound, codes))]]));
    const dequantize = nodeNamed(exported, 'w_DequantizeLinear');
    assert.equal([intOf(dequantize, 'axis', -1), intOf(dequantize, 'block_size', -1)], [1, 2]);
    assert.equal(contentOf(exported, 'w_scale').dims, [2, 2, 1, 3]);
    assert.equal([...contentOf(exported, 'w_scale').data], [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
  });

  test('simulates grids of more than 16 bits, and says so', () => {
    const { model, placement, encodings } = unary('Abs', [{ tensor: 'y', grid: grid(20), ranges: [[0, 1.5]] }]);
    assert.equal(operators(qdqModel(model, placement, encodings)), ['Abs', 'Cast', 'Div', 'Round', 'Clip', 'Mul', 'Cast', 'Neg']);
    assert.equal(exportWarnings(placement), ["no integer type of ONNX's quantization holds more than 16 bits: 1 tensor of model.qdq.onnx (first 'y', 20 bits) is simulated in float"]);
    assert.equal(exportWarnings(smallNetwork().placement), []);
  });

  test('stores signed activations around zero, and drops a Relu there too', () => {
    const { model, placement, encodings } = smallNetwork();
    const signed = qdqModel(model, placement, encodings, { activationType: 'int8' });
    assert.not.ok(operators(signed).includes('Relu'));
    assert.equal(zeroPointOf(signed, 'positive'), { dtype: 'int8', dims: [], data: Int8Array.of(-128) });
    const below = unary('Relu', [{ tensor: 'y', ranges: [[-1, 6]] }]);
    assert.ok(operators(qdqModel(below.model, below.placement, below.encodings, { activationType: 'int8' })).includes('Relu'));
  });

  test('gives every reader and a graph output a pair of its own where that is asked for', () => {
    const model = buildModel({
      opset: 13, inputs: { x: ['N', 4] }, nodes: [node('Neg', ['x'], ['h']), node('Relu', ['h'], ['y']), node('Exp', ['y'], ['a']), node('Mul', ['y', 'y'], ['b'])], outputs: { y: null, a: null, b: null },
    });
    const { placement, encodings } = placementOf([{ tensor: 'x', ranges: [[-1, 1]] }, { tensor: 'y', ranges: [[0, 6]] }]);
    const exported = qdqModel(model, placement, encodings, { dedicatedPairs: true });
    assert.equal(operators(exported).filter(op => op === 'QuantizeLinear').length, 4); // x has one reader, y two and the output
    assert.not.ok(operators(exported).includes('Relu'));
    const readers = exported.graph.nodes.filter(({ opType }) => opType === 'Exp' || opType === 'Mul');
    assert.equal(readers.map(({ inputs }) => inputs.map(value => value!.producer!.opType)), [['DequantizeLinear'], ['DequantizeLinear', 'DequantizeLinear']]);
    assert.is(new Set([...readers.flatMap(({ inputs }) => inputs), exported.graph.outputs[0]]).size, 3);
    checkLinks(exported.graph);
  });

  test('gives a node that reads a tensor, whose subgraph reads it too, a pair of its own, and leaves the subgraph in float', () => {
    const { field, concat } = wire;
    const named = (number: number, name: string, type: number, ...dims: readonly number[]) =>
      field(number, field(1, name), field(2, field(1, field(1, type), field(2, ...dims.map(dim => field(1, field(1, dim)))))));
    const body = concat(
      wire.node('Identity', ['go'], ['on']), wire.node('Add', ['s', 'h'], ['sum']), field(2, 'body'),
      named(11, 'i', 7), named(11, 'go', 9), named(11, 's', 1, 4), named(12, 'on', 9), named(12, 'sum', 1, 4),
    );
    const model = readModel(wire.model(wire.graph(
      wire.node('Abs', ['x'], ['h']), wire.node('Loop', ['times', '', 'h'], ['l'], field(5, field(1, 'body'), field(6, body), field(20, 5))), wire.node('Add', ['l', 'h'], ['y']),
      wire.initializer('times', [], 7, wire.rawData(Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0))), wire.input('x'), wire.output('y'),
    )));
    const { placement, encodings } = placementOf([{ tensor: 'h', ranges: [[0, 1]] }]);
    const exported = qdqModel(model, placement, encodings, { dedicatedPairs: true });
    checkLinks(exported.graph);
    const loop = exported.graph.nodes.find(({ opType }) => opType === 'Loop')!;
    assert.equal([loop.inputs[2]!.producer!.opType, loop.captures.map(({ name }) => name)], ['DequantizeLinear', ['h']]);
    assert.equal(Object.keys(loop.inputs), ['0', '1', '2']);
  });

  test('does not take a tensor of the model for the zero point that it is called as', () => {
    const other: Tensor = { dtype: 'uint8', dims: [], data: Uint8Array.of(7) };
    const model = buildModel({
      opset: 13, inputs: { x: ['N', 4] }, weights: { zero_point_uint8_128: other },
      nodes: [node('Neg', ['x'], ['h']), node('Cast', ['zero_point_uint8_128'], ['seven'], { to: intAttribute(1) }), node('Add', ['h', 'seven'], ['y'])], outputs: { y: null },
    });
    const { placement, encodings } = placementOf([{ tensor: 'x', ranges: [[-1, 127 / 128]] }, { tensor: 'h', ranges: [[-127 / 128, 1]] }]);
    const exported = qdqModel(model, placement, encodings);
    assert.equal(['x', 'h'].map(tensor => zeroPointOf(exported, tensor).data[0]), [128, 127]);
    assert.equal(contentOf(exported, 'zero_point_uint8_128'), other);
  });

  test('does the same twice', () => {
    const { model, placement, encodings } = smallNetwork();
    const names = (made: Model) => [...made.graph.values.keys()];
    assert.equal(names(qdqModel(model, placement, encodings)), names(qdqModel(model, placement, encodings)));
  });
});
