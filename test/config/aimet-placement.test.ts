import * as assert from 'uvu/assert';

import { placeQuantizers } from '../../pipeline/config/place-quantizers.ts';
import { presets } from '../../pipeline/config/presets/index.ts';
import { parseConfig } from '../../pipeline/config/parse-config.ts';
import { intAttribute, intsAttribute } from '../../pipeline/graph/attribute.ts';
import type { Graph } from '../../pipeline/graph/graph.ts';
import type { Node, Value } from '../../pipeline/graph/node.ts';
import { readModelFile } from '../../pipeline/onnx/read-model.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { node, place, tensors, usualBut } from './sketches.ts';

/** Outputs that share the encoding of the first input: AIMET's grid-preserving operators. */
const PRESERVING = new Set(`Col2Im Compress DepthToSpace Dropout Expand Flatten Gather GatherElements GatherND Identity MaxPool MaxRoiPool NonZero Pad ReduceMax ReduceMin
  Reshape Slice SpaceToDepth Split Squeeze Tile TopK Transpose Unsqueeze`.split(/\s+/));
const WEIGHTED = new Set(['Conv', 'Gemm', 'MatMul']);
const isFloat = (value: Value | null): value is Value => value !== null && (value.initializer?.dtype ?? value.type?.dtype) === 'float32';

/**
 * The tensors that AIMET gives an encoding of their own, by the words of its documentation: inputs, all outputs, parameters other than biases, and
 * constant inputs; without what supergroups and a MatMul with its bias have inside. Written for models of convolutions, products and arithmetic.
 */
function quantizedByAimet(graph: Graph, supergroups: readonly (readonly string[])[]): string[] {
  const inside = new Set<Value>(), taken = new Set<Node>();
  const chainAt = (node: Node, [type, ...rest]: readonly string[]): Node[] | null => {
    if (node.opType !== type || taken.has(node)) return null;
    if (rest.length === 0) return [node];
    const next = node.outputs[0]!.consumers;
    const following = next.length === 1 ? chainAt(next[0]!, rest) : null;
    return following && [node, ...following];
  };
  for (const list of supergroups.toSorted((a, b) => b.length - a.length)) {
    for (const node of graph.nodes) {
      const chain = chainAt(node, list) ?? [];
      chain.forEach(member => taken.add(member));
      for (const member of chain.slice(0, -1)) inside.add(member.outputs[0]!);
    }
  }
  for (const add of graph.nodes.filter(({ opType }) => opType === 'Add')) {
    const product = add.inputs.find(value => value!.producer?.opType === 'MatMul' && value!.producer.inputs[1]!.initializer !== null);
    const bias = add.inputs.find(value => value !== product && value!.initializer?.dims.length === 1);
    if (product && bias) inside.add(product).add(bias);
  }
  const quantized = new Set(graph.inputs.filter(isFloat));
  for (const { opType, inputs, outputs } of graph.nodes) {
    const constants = inputs.filter((value, index) => value?.initializer && !(WEIGHTED.has(opType) && index === 2) && !(opType === 'Resize' && index > 0));
    for (const value of [...constants, ...(PRESERVING.has(opType) ? [] : outputs)]) if (isFloat(value) && !inside.has(value)) quantized.add(value);
  }
  return [...quantized].map(({ name }) => name).sort();
}

suite('config/aimet-placement', test => {
  for (const name of ['fmnist-cnn', 'fmnist-vit']) {
    test(`${name} has the encodings of its own that AIMET gives it`, async () => {
      const { model } = prepareModel(await readModelFile(`fixtures/models/${name}.onnx`));
      const { config } = presets.default;
      const { quantizers } = placeQuantizers(model, parseConfig(config, 'default'), { aimetPlacement: true });
      const own = quantizers.filter(({ tensor, group }) => tensor === group).map(({ tensor }) => tensor).sort();
      assert.equal(own, quantizedByAimet(model.graph, config.supergroups.map(({ op_list }) => op_list)));
    });
  }

  const x = { x: [2, 8] };
  const swish = { inputs: x, nodes: [node('Sigmoid', ['x'], 's'), node('Mul', ['x', 's'], 'y')], outputs: { y: null } };
  const aimet = { aimetPlacement: true };

  test('composites are written out, but for those whose pass the configuration lists', () => {
    assert.equal(tensors(place(swish, usualBut({}), aimet)), ['x', 's', 'y']);
    const norm = {
      inputs: x, weights: { e: weight([1], { min: 0.1, max: 0.2 }), p: weight([1], { min: 2, max: 2 }) }, outputs: { y: null },
      nodes: [
        node('Pow', ['x', 'p'], 'q'), node('ReduceMean', ['q'], 'm', { axes: intsAttribute([-1]) }), node('Add', ['m', 'e'], 'a'), node('Sqrt', ['a'], 'r'), node('Div', ['x', 'r'], 'y')],
    };
    assert.equal(tensors(place(norm, usualBut({}), aimet)), ['x', 'p', 'q', 'm', 'e', 'a', 'r', 'y']);
    assert.equal(tensors(place(norm, usualBut({ supergroup_pass_list: ['RMSNormalization'] }), aimet)), ['x', 'y']);
    assert.equal(tensors(place(norm)), ['x', 'y']);
  });

  test('constants that would keep their values are quantized: exponents, bounds, divisors, small ones', () => {
    const sketch = {
      inputs: x, weights: { low: weight([]), high: weight([]), small: weight([1], { min: 0.001, max: 0.002 }), by: weight([8], { min: 1, max: 2 }) }, outputs: { y: null },
      nodes: [node('Clip', ['x', 'low', 'high'], 'a'), node('Add', ['a', 'small'], 'b'), node('Div', ['b', 'by'], 'y')],
    };
    assert.equal(tensors(place(sketch)), ['x', 'a', 'b', 'y']);
    assert.equal(tensors(place(sketch, usualBut({}), aimet)), ['x', 'low', 'high', 'a', 'small', 'b', 'by', 'y']);
  });

  test('recurrent operators have quantized weights, inputs and outputs', () => {
    const sketch = {
      inputs: { x: [2, 1, 4] }, weights: { wx: weight([1, 16, 4]), wr: weight([1, 16, 4]), b: weight([1, 32]) }, outputs: { y: null },
      nodes: [node('LSTM', ['x', 'wx', 'wr', 'b'], 'y', { hidden_size: intAttribute(4) })],
    };
    const placement = place(sketch, usualBut({}), aimet);
    assert.equal(tensors(placement), ['x', 'wx', 'wr', 'y']);
    assert.equal(placement.float.map(({ kind, name }) => [kind, name]), [['tensor', 'b']]);
    assert.equal(tensors(place(sketch)), []);
  });

  test('a constant is quantized whether the result is or not', () => {
    const sketch = { inputs: x, weights: { c: weight([8]) }, nodes: [node('Add', ['x', 'c'], 'a'), node('Tanh', ['a'], 'y')], outputs: { y: null } };
    const config = usualBut({ op_type: { Add: { is_output_quantized: 'False' } } });
    assert.equal(tensors(place(sketch, config)), ['x', 'y']);
    assert.equal(tensors(place(sketch, config, aimet)), ['x', 'c', 'y']);
  });

  test('what a Resize reads beside its input has none', () => {
    const sketch = { inputs: { x: [1, 1, 4, 4] }, weights: { roi: weight([0]), scales: weight([4]) }, nodes: [node('Resize', ['x', 'roi', 'scales'], 'y')], outputs: { y: null } };
    assert.equal(tensors(place(sketch, usualBut({}), aimet)), ['x', 'y']);
  });

  test('a tensor that only operators left in float compute with is quantized', () => {
    const sketch = { inputs: x, nodes: [{ ...node('Mine', ['x'], 'y'), domain: 'custom' }], outputs: { y: null } };
    assert.equal(tensors(place(sketch)), []);
    assert.equal(tensors(place(sketch, usualBut({}), aimet)), ['x', 'y']);
  });

  test('a computed second factor is as symmetric as a weight, whatever the hardware', () => {
    const product = { inputs: { x: [4, 4] }, nodes: [node('Sigmoid', ['x'], 's'), node('MatMul', ['x', 's'], 'y')], outputs: { y: null } };
    const symmetries = (options: object) => place(product, usualBut({}), options).quantizers.map(({ grid }) => grid.symmetry);
    assert.equal(symmetries(aimet), ['asymmetric', 'symmetric', 'asymmetric']);
    assert.equal(symmetries({}), ['asymmetric', 'asymmetric', 'asymmetric']);
  });
});
