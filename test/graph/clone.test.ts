import * as assert from 'uvu/assert';

import { cloneModel } from '../../pipeline/graph/clone.ts';
import { appendNode } from '../../pipeline/graph/edit.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { initializerOf } from '../../pipeline/graph/node.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { buildModel, checkLinks, equivalent, feedsFor, runModel, weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';

const small = () => buildModel({
  inputs: { x: ['N', 4] },
  weights: { w: weight([4, 3]), b: weight([3]) },
  nodes: [
    { op: 'Gemm', in: ['x', 'w', 'b'], out: ['g'] },
    { op: 'Relu', in: ['g'], out: ['y'] },
  ],
  outputs: { y: ['N', 3] },
});

suite('graph/clone', test => {
  test('a copy is whole, equal, and apart from the first', async () => {
    const model = small();
    const bytes = writeModel(model);
    const copy = cloneModel(model);
    checkLinks(copy.graph);
    assert.equal(writeModel(copy), bytes);
    appendNode(copy.graph, { opType: 'Relu', inputs: [copy.graph.value('g')], outputs: [copy.graph.value('h')] });
    copy.opsets.set('', 18);
    checkLinks(copy.graph);
    assert.equal(writeModel(model), bytes);
    assert.ok(copy.graph.value('w').initializer === model.graph.value('w').initializer);
  });

  test('a model made in memory runs', async () => {
    const { y } = await runModel(small(), feedsFor(small()));
    assert.equal(y!.dims, [2, 3]);
  });

  test('equivalent() fails for a pass that changes what is computed', async () => {
    let runs = 0;
    const otherWeights = ({ graph }: Model) => {
      graph.value('w').initializer = initializerOf(weight([4, 3], { seed: 2 }));
      return { rewrites: runs++ === 0 ? 1 : 0 };
    };
    const message = await equivalent(small(), otherWeights, { rewrites: 1 }).catch((error: Error) => error.message);
    assert.match(String(message), /^y\[\d\]: got/);
  });
});
