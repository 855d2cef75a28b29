import * as assert from 'uvu/assert';

import { InvariantError } from '../../pipeline/base/check.ts';
import { tapOutputs } from '../../pipeline/passes/tap-outputs.ts';
import { feedsFor, runModel } from '../support/graphs.ts';
import { draw, float32, operators } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';

/** x → Relu a → Neg b → Exp y, and a → Abs z. */
const branched = () => draw({
  inputs: { x: [2, 3] }, constants: { w: float32(1, 2, 3) }, outputs: ['y', 'z'],
  nodes: [['Relu', ['x'], ['a']], ['Neg', ['a'], ['b']], ['Mul', ['b', 'w'], ['y']], ['Abs', ['a'], ['z']]],
});

suite('passes/tap-outputs', test => {
  test('returns what was asked for, in that order, and drops what only the old outputs need', async () => {
    const model = branched();
    const feeds = feedsFor(model);
    const { data } = (await runModel(tapped(['a', 'b', 'y', 'z']), feeds))['b']!;
    assert.is(tapOutputs(['b', 'a'])(model).rewrites, 4 + 3); // two outputs more, two fewer; Mul, Abs and w gone
    assert.equal(model.graph.outputs.map(({ name }) => name), ['b', 'a']);
    assert.equal(operators(model), ['Relu', 'Neg']);
    assert.equal((await runModel(model, feeds))['b']!.data, data);
    assert.equal([...data as Float32Array], [...Array(6).keys()].map(i => -Math.max((feeds['x']!.data as Float32Array)[i]!, 0)));
  });

  test('keeps the outputs in front where asked, each once', async () => {
    const model = branched();
    assert.is(tapOutputs(['z', 'a'], { keepOutputs: true })(model).rewrites, 1);
    assert.equal(Object.keys(await runModel(model, feedsFor(model))), ['y', 'z', 'a']);
  });

  test('does nothing the second time', () => {
    const model = branched();
    tapOutputs(['b'])(model);
    assert.is(tapOutputs(['b'])(model).rewrites, 0);
  });

  test('taps a graph input', async () => {
    const model = branched();
    tapOutputs(['x', 'a'])(model);
    const feeds = feedsFor(model);
    assert.equal((await runModel(model, feeds))['x']!.data, feeds['x']!.data);
  });

  test('keeps a declared type, and declares float32 of unknown shape where there is none', () => {
    const model = branched();
    model.graph.value('b').type = { dtype: 'float32', shape: [2, null] };
    tapOutputs(['a', 'b'])(model);
    assert.equal(model.graph.outputs.map(({ type }) => type), [{ dtype: 'float32', shape: null }, { dtype: 'float32', shape: [2, null] }]);
  });

  test('a name that the graph does not have is a bug of the caller', () => {
    assert.throws(() => tapOutputs(['nowhere'])(branched()), (error: unknown) => error instanceof InvariantError && /nowhere/.test(error.message));
  });
});

function tapped(names: readonly string[]) {
  const model = branched();
  tapOutputs(names, { keepOutputs: true })(model);
  return model;
}
