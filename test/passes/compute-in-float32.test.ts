import * as assert from 'uvu/assert';

import { bfloat16FromFloats, floatsFromHalves, halvesFromFloats } from '../../pipeline/base/half.ts';
import type { DType, Tensor } from '../../pipeline/base/tensor.ts';
import { cloneModel } from '../../pipeline/graph/clone.ts';
import { computeInFloat32 } from '../../pipeline/passes/compute-in-float32.ts';
import { inferTypes } from '../../pipeline/passes/infer-types.ts';
import { checkLinks, runModel } from '../support/graphs.ts';
import { floats } from '../support/random.ts';
import { draw, float32, int64, operators, type Sketch } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';
import { nearLargest } from '../support/tensors.ts';

const FLOAT16 = 10, FLOAT64 = 11;

function tensor(dtype: 'float16' | 'bfloat16' | 'float64', dims: number[], values: Float32Array): Tensor {
  const data = dtype === 'float16' ? halvesFromFloats(values) : dtype === 'bfloat16' ? bfloat16FromFloats(values) : Float64Array.from(values);
  return { dtype, dims, data };
}

const valuesOf = ({ dtype, data }: Tensor) => dtype === 'float16' ? floatsFromHalves(data as Uint16Array) : Float32Array.from(data as Float64Array);

/** x [2, 4] → MatMul → Relu → y, in one type. */
const layer = (dtype: 'float16' | 'float64'): Sketch => ({
  inputs: { x: { dtype, shape: [2, 4] } }, constants: { w: tensor(dtype, [4, 3], floats(12)) },
  nodes: [['MatMul', ['x', 'w'], ['a']], ['Relu', ['a'], ['y']]], outputs: { y: { dtype, shape: [2, 3] } },
});

suite('passes/compute-in-float32', test => {
  for (const dtype of ['float16', 'float64'] as const) {
    test(`${dtype}: computes the same in float32, between inputs and outputs of the same types`, async () => {
      const model = draw(layer(dtype));
      const after = cloneModel(model);
      assert.is(computeInFloat32(after).rewrites, 3);
      checkLinks(after.graph);
      inferTypes(after);
      assert.equal(operators(after), ['Cast', 'MatMul', 'Relu', 'Cast']);
      assert.equal([...after.graph.inputs, ...after.graph.outputs].map(({ name, type }) => [name, type!.dtype]), [['x', dtype], ['y', dtype]]);
      assert.equal(after.graph.nodes.slice(0, 3).map(({ outputs }) => outputs[0]!.type?.dtype), ['float32', 'float32', 'float32']);
      const feeds = { x: tensor(dtype, [2, 4], floats(8, { seed: 2 })) };
      const [expected, actual] = [await runModel(model, feeds), await runModel(after, feeds)];
      assert.is(actual['y']!.dtype, dtype);
      nearLargest(valuesOf(actual['y']!), valuesOf(expected['y']!), dtype === 'float16' ? 2e-3 : 1e-6);
      assert.is(computeInFloat32(after).rewrites, 0, 'a second time');
    });
  }

  test('half weights between Casts of a float32 model (autocast): nothing is half any more', async () => {
    const model = draw({
      inputs: { x: [2, 4] }, constants: { w: tensor('float16', [4, 3], floats(12)), b: tensor('float16', [3], floats(3)) },
      nodes: [['Cast', ['x'], ['h'], { to: FLOAT16 }], ['MatMul', ['h', 'w'], ['a']], ['Add', ['a', 'b'], ['c']], ['Cast', ['c'], ['y'], { to: 1 }]], outputs: ['y'],
    });
    const feeds = { x: { ...float32(...floats(8)), dims: [2, 4] } };
    const expected = await runModel(model, feeds);
    assert.is(computeInFloat32(model).rewrites, 3);
    inferTypes(model);
    assert.equal([...new Set([...model.graph.values.values()].map(({ type }) => type!.dtype))], ['float32']);
    nearLargest((await runModel(model, feeds))['y']!.data as Float32Array, expected['y']!.data as Float32Array, 2e-3);
  });

  test('doubles in which a size is computed stay doubles', () => {
    const model = draw({
      inputs: { x: [2, 4] }, constants: { half: tensor('float64', [1], Float32Array.of(0.5)), w: { ...float32(...floats(12)), dims: [4, 3] } },
      nodes: [
        ['Shape', ['x'], ['s']], ['Cast', ['s'], ['d'], { to: FLOAT64 }], ['Mul', ['d', 'half'], ['e']], ['Cast', ['e'], ['t'], { to: 7 }],
        ['Expand', ['w', 't'], ['v']], ['Relu', ['v'], ['y']],
      ], outputs: ['y'],
    });
    assert.is(computeInFloat32(model).rewrites, 0);
  });

  test('bfloat16 weights, and a fill of ConstantOfShape', () => {
    const model = draw({
      constants: { w: tensor('bfloat16', [2, 2], floats(4)), shape: int64(2, 2) },
      nodes: [['ConstantOfShape', ['shape'], ['f'], { value: { kind: 'tensor', value: { dtype: 'bfloat16', dims: [1], read: () => tensor('bfloat16', [1], Float32Array.of(2)) } } }], ['Add', ['f', 'w'], ['y']]],
      outputs: { y: { dtype: 'bfloat16', shape: [2, 2] } },
    });
    assert.is(computeInFloat32(model).rewrites, 3);
    inferTypes(model);
    assert.equal(model.graph.values.get('f')!.type?.dtype, 'float32');
    assert.equal(model.graph.values.get('w')!.type?.dtype, 'float32');
  });

  for (const [title, operator] of [['an operator of another domain', 'com.acme:Odd'], ['a subgraph', 'Loop'], ['a random operator', 'Bernoulli']] as const) {
    test(`a model with ${title} is left alone`, () => {
      const model = draw({ ...layer('float16'), nodes: [['MatMul', ['x', 'w'], ['a']], [operator, ['a'], ['y']]] });
      assert.is(computeInFloat32(model).rewrites, 0);
    });
  }

  test('a graph output that is a weight cannot be cast, and all stays as it is', () => {
    const dtype: DType = 'float16';
    const model = draw({ ...layer(dtype), outputs: { y: { dtype, shape: [2, 3] }, w: { dtype, shape: [4, 3] } } });
    assert.is(computeInFloat32(model).rewrites, 0);
  });
});
