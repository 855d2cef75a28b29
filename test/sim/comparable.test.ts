import * as assert from 'uvu/assert';

import { checkComparable } from '../../pipeline/sim/comparable.ts';
import { QuantSim } from '../../pipeline/index.ts';
import { buildModel, weight } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';
import { messageOf } from '../support/thrown.ts';

const relu = (input: string, output: string, dtype: 'float32' | 'float16' = 'float32') => buildModel({
  inputs: { [input]: { dtype, shape: ['N', 2] } }, nodes: [{ op: 'Relu', in: [input], out: [output] }], outputs: { [output]: { dtype, shape: ['N', 2] } },
});

suite('sim/comparable', test => {
  test('another form of the same model is, and so is one with other outputs beside', () => {
    checkComparable(relu('x', 'y'), relu('x', 'y'));
    const more = buildModel({ inputs: { x: ['N', 2] }, nodes: [{ op: 'Relu', in: ['x'], out: ['y'] }, { op: 'Neg', in: ['x'], out: ['z'] }], outputs: { z: ['N', 2], y: ['N', 2] } });
    checkComparable(relu('x', 'y'), more);
  });

  for (const [other, says] of [
    [relu('image', 'y'), "the model to compare reads an input 'image', and the float model reads 'x': it is of another model"],
    [relu('x', 'y', 'float16'), "input 'x' is float16 in the model to compare, and float32 in the float model"],
    [relu('x', 'z'), "the model to compare gives 'z', and the float model 'y': they have no output in common"],
  ] as const) {
    test(says, () => assert.is(messageOf(() => checkComparable(relu('x', 'y'), other)), `config-invalid ${says}`));
  }

  test('where one of the models fails to run, the message says which', async () => {
    const sim = await QuantSim.open(relu('x', 'y'));
    const odd = buildModel({ inputs: { x: ['N', null] }, weights: { w: weight([3, 2]) }, nodes: [{ op: 'MatMul', in: ['x', 'w'], out: ['y'] }], outputs: { y: null } });
    for (const engine of ['web', 'native'] as const) {
      const { message } = await sim.evaluate([{ x: { dtype: 'float32', dims: [1, 2], data: new Float32Array(2) } }], { against: odd, engine }).catch((error: Error) => error) as Error;
      assert.match(message, /^the exported model: engine '(web|native)' cannot run the model: [^\n]*MatMul[^\n]*$/);
    }
  });

  test('evaluate looks before it runs anything', async () => {
    const sim = await QuantSim.open(relu('x', 'y'));
    assert.match(await sim.evaluate([{ x: { dtype: 'float32', dims: [1, 2], data: new Float32Array(2) } }], { against: relu('image', 'y') }).catch((error: Error) => error.message) as string, /reads an input 'image'/);
  });
});
