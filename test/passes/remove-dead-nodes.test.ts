import * as assert from 'uvu/assert';

import { removeDeadNodes } from '../../pipeline/passes/remove-dead-nodes.ts';
import { equivalent } from '../support/graphs.ts';
import { draw, float32, operators } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';

suite('passes/remove-dead-nodes', test => {
  test('removes a dead branch whole, with its weights, and keeps graph inputs', async () => {
    const model = draw({
      inputs: { x: [2], unread: [2] }, constants: { w: float32(1, 2), lone: float32(3) }, outputs: ['y'],
      nodes: [['Relu', ['x'], ['a']], ['Mul', ['a', 'w'], ['b']], ['Exp', ['b'], ['c']], ['Neg', ['a'], ['y']]],
    });
    const after = await equivalent(model, removeDeadNodes, { rewrites: 4 }); // Mul, Exp, w, lone
    assert.equal(operators(after), ['Relu', 'Neg']);
    assert.equal([...after.graph.values.keys()], ['x', 'unread', 'a', 'y']);
  });

  test('keeps a node of which one output is read', async () => {
    const model = draw({ inputs: { x: [4] }, outputs: ['y'], nodes: [['Split', ['x'], ['a', 'b']], ['Neg', ['b'], ['y']]] });
    const after = await equivalent(model, removeDeadNodes, { rewrites: 0 });
    assert.equal(operators(after), ['Split', 'Neg']);
  });
});
