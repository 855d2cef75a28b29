import * as assert from 'uvu/assert';

import type { Tensor } from '../../pipeline/base/tensor.ts';
import { initializerOf } from '../../pipeline/graph/node.ts';
import { foldConstants } from '../../pipeline/passes/fold-constants.ts';
import { equivalent, weight } from '../support/graphs.ts';
import { draw, float32, int64, type Line, operators, scalar, type Sketch } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';

const float64 = (...values: number[]): Tensor => ({ dtype: 'float64', dims: [values.length], data: Float64Array.from(values) });
const int32 = (...values: number[]): Tensor => ({ dtype: 'int32', dims: [values.length], data: Int32Array.from(values) });
const bool = (...values: number[]): Tensor => ({ dtype: 'bool', dims: [values.length], data: Uint8Array.from(values) });

/** Constants, and the nodes that make `c` of them. Each is folded, and added to x [2, 3] as float32. */
const chains: Record<string, [Record<string, Tensor>, Line[]]> = {
  'Cast to float32 from float64': [{ a: float64(0.1, 1e300, -1 / 3) }, [['Cast', ['a'], ['c'], { to: 1 }]]],
  'Cast to float32 from int64': [{ a: int64(1, -2, 3) }, [['Cast', ['a'], ['c'], { to: 1 }]]],
  'Cast to int64 and back, toward zero': [{ a: float32(1.5, -1.5, 2.999) }, [['Cast', ['a'], ['b'], { to: 7 }], ['Cast', ['b'], ['c'], { to: 1 }]]],
  'Cast to int32, bool and back': [{ a: float64(0, 0.5, -3.7) }, [['Cast', ['a'], ['b'], { to: 6 }], ['Cast', ['b'], ['d'], { to: 9 }], ['Cast', ['d'], ['c'], { to: 1 }]]],
  'Cast from bool': [{ a: bool(0, 1, 1) }, [['Cast', ['a'], ['c'], { to: 1 }]]],
  'Transpose by a permutation': [{ a: weight([3, 1, 2]) }, [['Transpose', ['a'], ['c'], { perm: [1, 2, 0] }]]],
  'Transpose without one': [{ a: weight([3, 2]) }, [['Transpose', ['a'], ['c']]]],
  'Reshape with 0 and -1': [{ a: weight([2, 3, 1]), s: int64(0, -1) }, [['Reshape', ['a', 's'], ['c']]]],
  'Squeeze of given axes': [{ a: weight([1, 2, 1, 3]), axes: int64(0, -2) }, [['Squeeze', ['a', 'axes'], ['c']]]],
  'Squeeze of all ones': [{ a: weight([1, 3, 1]) }, [['Squeeze', ['a'], ['c']]]],
  'Unsqueeze': [{ a: weight([2, 3]), axes: int64(-1, 0) }, [['Unsqueeze', ['a', 'axes'], ['b']], ['Reshape', ['b', 's'], ['c']]]],
  'Add with broadcasting both ways': [{ a: weight([2, 1]), b: weight([3]) }, [['Add', ['a', 'b'], ['c']]]],
  'Sub': [{ a: float32(1e8, 1, 0.1), b: float32(1, 1e8, 0.3) }, [['Sub', ['a', 'b'], ['c']]]],
  'Mul': [{ a: float32(0.1, 1e-30, 3), b: float32(0.3, 1e-30, -0.7) }, [['Mul', ['a', 'b'], ['c']]]],
  'Div': [{ a: float32(1, 2, -7), b: float32(3, 0.3, 11) }, [['Div', ['a', 'b'], ['c']]]],
  'Div of whole numbers, toward zero': [{ a: int64(7, -7, 9), b: int64(2, 2, 3) }, [['Div', ['a', 'b'], ['d']], ['Cast', ['d'], ['c'], { to: 1 }]]],
  'whole numbers plus and times 0': [{ a: int64(7, -7, 9), b: int64(0) }, [['Add', ['a', 'b'], ['d']], ['Mul', ['d', 'b'], ['e']], ['Cast', ['e'], ['c'], { to: 1 }]]],
  'arithmetic of int32': [{ a: int32(7, -7, 9), b: int32(2) }, [['Sub', ['a', 'b'], ['d']], ['Mul', ['d', 'd'], ['e']], ['Cast', ['e'], ['c'], { to: 1 }]]],
  'Pow': [{ a: float32(2, 9, 1.5), b: float32(3, 0.5, 2) }, [['Pow', ['a', 'b'], ['c']]]],
  'Gather along an axis, from the end too': [{ a: weight([4, 3]), at: int64(2, -4) }, [['Gather', ['a', 'at'], ['c'], { axis: 0 }]]],
  'Gather of a column': [{ a: weight([2, 5]), at: { dtype: 'int32', dims: [1, 1], data: Int32Array.of(-2) } }, [['Gather', ['a', 'at'], ['b'], { axis: 1 }], ['Reshape', ['b', 'r'], ['c']]]],
  'Slice with steps, bounds outside and from the end': [{ a: weight([9, 7]), from: int64(-2, 50), to: int64(-100, -100), axes: int64(0, 1), by: int64(-4, -3) }, [['Slice', ['a', 'from', 'to', 'axes', 'by'], ['c']]]],
  'Slice without axes and steps': [{ a: weight([3, 9]), from: int64(1, 3), to: int64(2 ** 40, 6) }, [['Slice', ['a', 'from', 'to'], ['c']]]],
  'Expand both ways': [{ a: weight([2, 1]), to: int64(1, 3) }, [['Expand', ['a', 'to'], ['c']]]],
  'ReduceMean by an attribute, without its dimensions': [{ a: weight([4, 2, 3, 5]) }, [['ReduceMean', ['a'], ['c'], { axes: [0, -1], keepdims: 0 }]]],
  'ReduceSum by an input': [{ a: weight([2, 3, 7]), axes: int64(2) }, [['ReduceSum', ['a', 'axes'], ['c'], { keepdims: 0 }]]],
  'ReduceL2 and ReduceL1, of all': [{ a: weight([2, 3]) }, [['ReduceL2', ['a'], ['b']], ['ReduceL1', ['a'], ['d']], ['Div', ['b', 'd'], ['c']]]],
  'ReduceMax, ReduceMin and ReduceSumSquare': [{ a: weight([2, 3]) }, [['ReduceMax', ['a'], ['b'], { axes: [0] }], ['ReduceMin', ['a'], ['d'], { axes: [1] }], ['ReduceSumSquare', ['a'], ['e'], { axes: [1], keepdims: 1 }], ['Add', ['b', 'd'], ['f']], ['Mul', ['f', 'e'], ['c']]]],
  'BatchNormalization of what it is given': [{ a: weight([2, 3]), g: float32(1, -2, 0.5), s: float32(0, 1, 2), m: float32(0.1, 0.2, -0.3), v: float32(1, 0.5, 2) }, [['BatchNormalization', ['a', 'g', 's', 'm', 'v'], ['c'], { epsilon: 1e-3 }]]],
  'Sqrt, Reciprocal, Neg and Abs': [{ a: float32(2, 0.3, 7) }, [['Sqrt', ['a'], ['d']], ['Reciprocal', ['d'], ['e']], ['Neg', ['e'], ['f']], ['Abs', ['f'], ['c']]]],
};

const added = ([constants, nodes]: [Record<string, Tensor>, Line[]]): Sketch =>
  ({ inputs: { x: [2, 3] }, constants: { ...constants, ...(nodes.flat(2).includes('s') && !constants['s'] ? { s: int64(2, 3) } : {}), ...(nodes.flat(2).includes('r') ? { r: int64(2, 1) } : {}) }, nodes: [...nodes, ['Add', ['x', 'c'], ['y']]], outputs: ['y'] });

suite('passes/fold-constants', test => {
  for (const [what, chain] of Object.entries(chains)) {
    test(`computes ${what} as the engine does`, async () => {
      const model = draw(added(chain));
      const after = await equivalent(model, foldConstants, { rewrites: chain[1].length, tolerance: /Reduce|Batch/.test(what) ? 1e-6 : 0 }); // the engine adds up in float32
      assert.equal(operators(after), ['Add']);
      assert.equal(after.graph.initializers.map(({ name }) => name), ['c'], 'the name is kept, and what only the chain read is gone');
    });
  }

  const left: Record<string, Sketch> = {
    'what reads a graph input': { inputs: { x: [3] }, constants: { a: float32(1) }, nodes: [['Add', ['x', 'a'], ['y']]], outputs: ['y'] },
    'a graph output': { inputs: { x: [3] }, constants: { a: float32(1) }, nodes: [['Neg', ['a'], ['y']], ['Neg', ['x'], ['z']]], outputs: ['y', 'z'] },
    'an operator without an evaluator': { inputs: { x: [3] }, constants: { a: float32(1) }, nodes: [['Erf', ['a'], ['b']], ['Add', ['x', 'b'], ['y']]], outputs: ['y'] },
    'a cast to float16': { inputs: { x: [3] }, constants: { a: float32(1) }, nodes: [['Cast', ['a'], ['b'], { to: 10 }], ['Cast', ['b'], ['c'], { to: 1 }], ['Add', ['x', 'c'], ['y']]], outputs: ['y'] },
    'a cast of what does not fit': { inputs: { x: [1] }, constants: { a: float32(1e20) }, nodes: [['Cast', ['a'], ['b'], { to: 6 }], ['Cast', ['b'], ['c'], { to: 1 }], ['Add', ['x', 'c'], ['y']]], outputs: ['y'] },
  };
  for (const [what, sketch] of Object.entries(left)) {
    test(`leaves ${what} alone`, async () => {
      const model = draw(sketch);
      const after = await equivalent(model, foldConstants, { rewrites: 0 });
      assert.is(after.graph.nodes.length, sketch.nodes.length);
    });
  }

  test('leaves what reads a default, which a caller may replace, alone', () => {
    const model = draw({ inputs: { x: [3], w: [1] }, nodes: [['Neg', ['w'], ['v']], ['Add', ['x', 'v'], ['y']]], outputs: ['y'] });
    model.graph.value('w').initializer = initializerOf(float32(1));
    assert.is(foldConstants(model).rewrites, 0);
  });

  test('leaves large results alone that are larger than their operands, and computes with weights of any size', () => {
    const model = draw({
      inputs: { x: [1] }, constants: { big: weight([1025, 1024]), column: weight([1025, 1]), row: weight([1024]), shape: int64(1025, 1024), zeros: int64(...Array<number>(1025).fill(0)), axis: int64(0), two: scalar(2) }, outputs: ['y'],
      nodes: [
        ['Mul', ['column', 'row'], ['outer']], ['Expand', ['row', 'shape'], ['expanded']], ['Unsqueeze', ['row', 'axis'], ['one']], ['Gather', ['one', 'zeros'], ['gathered']],
        ['Mul', ['big', 'two'], ['a']], ['Transpose', ['big'], ['b']], ['MatMul', ['a', 'b'], ['c']], ['Sum', ['outer', 'expanded', 'gathered'], ['d']], ['MatMul', ['c', 'd'], ['e']], ['Mul', ['e', 'x'], ['y']],
      ],
    });
    assert.is(foldConstants(model).rewrites, 3);
    assert.equal(operators(model), ['Mul', 'Expand', 'Gather', 'MatMul', 'Sum', 'MatMul', 'Mul']);
  });

  // the engines have no training mode; the formula is the standard's: y = (x - mean) / sqrt(variance + epsilon) * scale + bias, mean and variance along all axes but 1
  test('standardizes a weight as BatchNormalization in training mode says', () => {
    const model = draw({
      opset: 15, inputs: { x: [1, 2, 2] }, constants: { a: weight([1, 2, 2]), g: float32(1, -2), s: float32(0, 1), m: float32(0, 0), v: float32(1, 1) }, outputs: ['y'],
      nodes: [['BatchNormalization', ['a', 'g', 's', 'm', 'v'], ['c', 'mean', 'variance'], { training_mode: 1 }], ['Add', ['x', 'c'], ['y']]],
    });
    const [p, q, r, t] = weight([1, 2, 2]).data as Float32Array as unknown as [number, number, number, number];
    const standard = (first: number, second: number) => [first, second].map(value => (value - (first + second) / 2) / Math.sqrt(((first - second) / 2) ** 2 + 1e-5));
    const expected = [...standard(p, q), ...standard(r, t).map(value => -2 * value + 1)];
    assert.is(foldConstants(model).rewrites, 1);
    const { data, dims } = model.graph.value('c').initializer!.read();
    assert.equal(dims, [1, 2, 2]);
    for (const [i, value] of expected.entries()) assert.ok(Math.abs((data as Float32Array)[i]! - value) < 1e-6, `${i}: ${(data as Float32Array)[i]} for ${value}`);
  });

  test('leaves a node whose second output is read', () => {
    const model = draw({
      opset: 15, inputs: { x: [2] }, constants: { a: weight([1, 2, 2]), g: float32(1, 1), s: float32(0, 0), m: float32(0, 0), v: float32(1, 1) }, outputs: ['y'],
      nodes: [['BatchNormalization', ['a', 'g', 's', 'm', 'v'], ['c', 'mean', 'variance'], { training_mode: 1 }], ['Add', ['x', 'mean'], ['d']], ['Add', ['d', 'c'], ['y']]],
    });
    assert.is(foldConstants(model).rewrites, 0);
  });

  test('leaves what the engine refuses: an index, an axis and a step that there are not', () => {
    for (const line of [['Gather', ['a', 'outside'], ['b']], ['ReduceSum', ['a', 'outside'], ['b']], ['Slice', ['a', 'none', 'none', 'none', 'none'], ['b']], ['Slice', ['a', 'none', 'none', 'outside'], ['b']]] as const satisfies Line[]) {
      const model = draw({ inputs: { x: [1] }, constants: { a: weight([2, 3]), outside: int64(5), none: int64(0) }, nodes: [line, ['Add', ['x', 'b'], ['y']]], outputs: ['y'] });
      assert.is(foldConstants(model).rewrites, 0, line[0]);
    }
  });

  test('leaves a Transpose by no permutation for the engine to refuse', () => {
    for (const perm of [[0, 2], [0, 0], [0], [0, 1, 2]]) {
      const model = draw({ inputs: { x: [1] }, constants: { a: weight([2, 3]) }, nodes: [['Transpose', ['a'], ['b'], { perm }], ['Add', ['x', 'b'], ['y']]], outputs: ['y'] });
      assert.is(foldConstants(model).rewrites, 0);
    }
  });

  test('leaves a whole number divided by zero for the engine to refuse', () => {
    const model = draw({ inputs: { x: [1] }, constants: { a: int64(1), b: int64(0) }, nodes: [['Div', ['a', 'b'], ['c']], ['Expand', ['x', 'c'], ['y']]], outputs: ['y'] });
    assert.is(foldConstants(model).rewrites, 0);
  });

  test('keeps a constant that others read', async () => {
    const model = draw({ inputs: { x: [3] }, constants: { a: float32(4) }, nodes: [['Sqrt', ['a'], ['b']], ['Add', ['x', 'b'], ['c']], ['Mul', ['c', 'a'], ['y']]], outputs: ['y'] });
    const after = await equivalent(model, foldConstants, { rewrites: 1 });
    assert.equal(after.graph.initializers.map(({ name }) => name).sort(), ['a', 'b']);
  });

  test('what is computed twice is one constant: a weight transposed for each layer that reads it', async () => {
    const model = draw({
      inputs: { x: [2, 3] }, constants: { w: weight([3, 3]) }, outputs: ['y'],
      nodes: [
        ['Transpose', ['w'], ['a'], { perm: [1, 0] }], ['MatMul', ['x', 'a'], ['h']], ['Transpose', ['w'], ['b'], { perm: [1, 0] }], ['MatMul', ['h', 'b'], ['i']],
        ['Transpose', ['w'], ['c'], { perm: [0, 1] }], ['MatMul', ['i', 'c'], ['y']],
      ],
    });
    const after = await equivalent(model, foldConstants, { rewrites: 3 });
    assert.equal(after.graph.initializers.map(({ name, uses }) => [name, uses.length]), [['a', 2], ['c', 1]]);
  });
});
