import * as assert from 'uvu/assert';

import { initializerOf } from '../../pipeline/graph/node.ts';
import { freezeDefaults } from '../../pipeline/passes/freeze-defaults.ts';
import { draw, float32 } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';

suite('passes/freeze-defaults', test => {
  test('takes weights off the inputs and leaves what must be fed', () => {
    const model = draw({ inputs: { x: [2], w: [2], z: [2] }, nodes: [['Sum', ['x', 'w', 'z'], ['y']]], outputs: ['y'] });
    model.graph.value('w').initializer = initializerOf(float32(1, 2));
    assert.is(freezeDefaults(model).rewrites, 1);
    assert.equal(model.graph.inputs.map(({ name }) => name), ['x', 'z']);
    assert.is(freezeDefaults(model).rewrites, 0);
  });
});
