import * as assert from 'uvu/assert';

import { float32Tensor, type Tensor } from '../../pipeline/base/tensor.ts';
import { absorbScales } from '../../pipeline/export/absorb-scales.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { buildModel, equivalent, type NodeLine } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';

const scalar = (value: number) => float32Tensor([], Float32Array.of(value));
const weights: Record<string, Tensor> = {
  s: scalar(0.02), z: { dtype: 'uint8', dims: [], data: Uint8Array.of(120) }, quarter: scalar(0.25), four: scalar(4), minus: scalar(-0.25), cube: float32Tensor([1, 1, 1], Float32Array.of(0.25)), square: float32Tensor([1, 1], Float32Array.of(0.25)), two: float32Tensor([2], Float32Array.of(0.25, 0.5)),
};
const line = (op: string, inputs: string[], output: string): NodeLine => ({ op, in: inputs, out: [output] });
const quantized = (name: string) => [line('QuantizeLinear', [name, 's', 'z'], `${name}_q`), line('DequantizeLinear', [`${name}_q`, 's', 'z'], `${name}_d`)];
const typed = (model: Model): Model => {
  for (const name of ['x_d', 'v_d', 'm']) if (model.graph.values.has(name)) model.graph.values.get(name)!.type = { dtype: 'float32', shape: [2, 2] };
  return model;
};
const modelOf = (nodes: NodeLine[], outputs: string[] = ['y'], shape = [2, 2]) => typed(buildModel({
  inputs: { x: [2, 2], v: [2, 2] }, weights, nodes: [...quantized('x'), ...quantized('v'), ...nodes], outputs: Object.fromEntries(outputs.map(name => [name, shape])),
}));
const end = line('DequantizeLinear', ['p_q', 's', 'z'], 'y');
const quantizedEnd = [line('QuantizeLinear', ['p', 's', 'z'], 'p_q'), end];

/** Powers of two change no rounding, so that the outputs have the same bits. */
const rewritten: [what: string, nodes: NodeLine[], rewrites: number][] = [
  ['a factor of the first input', [line('Mul', ['x_d', 'quarter'], 'a'), line('MatMul', ['a', 'v_d'], 'p'), ...quantizedEnd], 1],
  ['a divisor of the second input', [line('Div', ['v_d', 'four'], 'a'), line('MatMul', ['x_d', 'a'], 'p'), ...quantizedEnd], 1],
  ['factors of both inputs', [line('Mul', ['four', 'x_d'], 'a'), line('Mul', ['v_d', 'quarter'], 'b'), line('MatMul', ['a', 'b'], 'p'), ...quantizedEnd], 2],
  ['a factor of an input that others read too', [line('Mul', ['x_d', 'quarter'], 'a'), line('MatMul', ['a', 'x_d'], 'p'), ...quantizedEnd], 1],
  ['a factor of as many dimensions', [line('MatMul', ['x_d', 'v_d'], 'm'), line('Mul', ['m', 'square'], 'p'), ...quantizedEnd], 1],
  ['a factor of the product', [line('MatMul', ['x_d', 'v_d'], 'm'), line('Mul', ['m', 'quarter'], 'p'), ...quantizedEnd], 1],
  ['a divisor of the product', [line('MatMul', ['x_d', 'v_d'], 'm'), line('Div', ['m', 'four'], 'p'), ...quantizedEnd], 1],
];

const left: [what: string, nodes: NodeLine[], outputs?: string[], shape?: number[]][] = [
  ['a factor of more dimensions than the first input', [line('Mul', ['x_d', 'cube'], 'a'), line('MatMul', ['a', 'v_d'], 'p'), ...quantizedEnd], ['y'], [1, 2, 2]],
  ['a divisor of more dimensions than the product', [line('MatMul', ['x_d', 'v_d'], 'm'), line('Div', ['m', 'cube'], 'p'), ...quantizedEnd], ['y'], [1, 2, 2]],
  ['a negative factor', [line('Mul', ['x_d', 'minus'], 'a'), line('MatMul', ['a', 'v_d'], 'p'), ...quantizedEnd]],
  ['a factor for every column', [line('Mul', ['x_d', 'two'], 'a'), line('MatMul', ['a', 'v_d'], 'p'), ...quantizedEnd]],
  ['a constant divided by an input', [line('Div', ['four', 'x_d'], 'a'), line('MatMul', ['a', 'v_d'], 'p'), ...quantizedEnd]],
  ['a scaled input that something else reads', [line('Mul', ['x_d', 'quarter'], 'a'), line('MatMul', ['a', 'v_d'], 'p'), ...quantizedEnd, line('Sin', ['a'], 'o')], ['y', 'o']],
  ['a scaled input that is a graph output', [line('Mul', ['x_d', 'quarter'], 'a'), line('MatMul', ['a', 'v_d'], 'p'), ...quantizedEnd], ['y', 'a']],
  ['a product that something else reads before it is scaled', [line('MatMul', ['x_d', 'v_d'], 'm'), line('Mul', ['m', 'quarter'], 'p'), ...quantizedEnd, line('Sin', ['m'], 'o')], ['y', 'o']],
  ['a scaled product that is read in float', [line('MatMul', ['x_d', 'v_d'], 'm'), line('Mul', ['m', 'quarter'], 'y')]],
  ['a scaled input that is not quantized', [line('Mul', ['x', 'quarter'], 'a'), line('MatMul', ['a', 'v_d'], 'p'), ...quantizedEnd]],
];

suite('export/absorb-scales', test => {
  for (const [what, nodes, rewrites] of rewritten) {
    test(`${what} becomes a part of the scale`, async () => {
      const { graph } = await equivalent(modelOf(nodes), ({ graph }) => absorbScales(graph), { rewrites });
      assert.equal(graph.nodes.filter(({ opType }) => opType === 'Mul' || opType === 'Div'), []);
      for (const value of graph.nodes.find(({ opType }) => opType === 'MatMul')!.inputs) assert.is(value!.producer!.opType, 'DequantizeLinear');
    });
  }

  for (const [what, nodes, outputs, shape] of left) {
    test(`${what} is left alone`, async () => {
      await equivalent(modelOf(nodes, outputs, shape), ({ graph }) => absorbScales(graph), { rewrites: 0 });
    });
  }
});
