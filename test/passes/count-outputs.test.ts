import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { cloneModel } from '../../pipeline/graph/clone.ts';
import { countName, countOutputs } from '../../pipeline/passes/count-outputs.ts';
import { buildModel, checkLinks, runModel, weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';

const model = buildModel({
  inputs: { x: ['N', 3] }, weights: { w: weight([3, 5]) },
  nodes: [{ op: 'MatMul', in: ['x', 'w'], out: ['h'] }, { op: 'Relu', in: ['h'], out: ['r'] }],
  outputs: { x: ['N', 3], h: ['N', 5], r: ['N', 5] },
});

suite('passes/count-outputs', test => {
  test('what is not kept becomes its number of elements, in its place; what is kept stays, and is counted at the end', async () => {
    const counted = cloneModel(model);
    assert.is(countOutputs(new Set(['h']))(counted).rewrites, 3);
    checkLinks(counted.graph);
    assert.equal(counted.graph.outputs.map(({ name }) => name), [countName('x'), 'h', countName('r'), countName('h')]);
    const feeds = { x: float32Tensor([4, 3], Float32Array.from({ length: 12 }, (_, i) => i)) };
    const [seen, before] = [await runModel(counted, feeds), await runModel(model, feeds)];
    assert.equal(['x', 'h', 'r'].map(name => seen[countName(name)]!.data[0]), [12n, 20n, 20n]);
    assert.equal(seen['h'], before['h']);
    assert.is(countOutputs(new Set(['h']))(counted).rewrites, 0, 'a second run');
  });

  test('the counting nodes stand at the end, the first output last, and no output is without a reader', () => {
    const counted = cloneModel(model);
    countOutputs(new Set(['r']))(counted);
    assert.equal(counted.graph.nodes.slice(-3).map(({ inputs }) => inputs[0]!.name), ['r', 'h', 'x']);
  });
});
