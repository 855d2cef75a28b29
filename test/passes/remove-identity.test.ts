import * as assert from 'uvu/assert';

import { removeIdentity } from '../../pipeline/passes/remove-identity.ts';
import { equivalent, weight } from '../support/graphs.ts';
import { draw, float32, operators, scalar, type Sketch } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';

const x = { x: [2, 3] };
const yes = { dtype: 'bool' as const, dims: [], data: Uint8Array.of(1) };
const no = { dtype: 'bool' as const, dims: [], data: Uint8Array.of(0) };

const matches: Record<string, [Sketch, rewrites: number, left: string[]]> = {
  'an interior Identity': [{ inputs: x, outputs: ['y'], nodes: [['Relu', ['x'], ['a']], ['Identity', ['a'], ['b']], ['Neg', ['b'], ['y']]] }, 1, ['Relu', 'Neg']],
  'an Identity of a graph input': [{ inputs: x, outputs: ['y'], nodes: [['Identity', ['x'], ['a']], ['Neg', ['a'], ['y']]] }, 1, ['Neg']],
  'an Identity of an initializer': [{ inputs: x, constants: { w: float32(1, 2, 3) }, outputs: ['y'], nodes: [['Identity', ['w'], ['v']], ['Add', ['x', 'v'], ['y']]] }, 1, ['Add']],
  'an Identity that gives a graph output': [{ inputs: x, outputs: ['y'], nodes: [['Relu', ['x'], ['a']], ['Identity', ['a'], ['y']]] }, 1, ['Relu']],
  'one whose input others read': [{ inputs: x, outputs: ['y', 'z'], nodes: [['Relu', ['x'], ['a']], ['Identity', ['a'], ['y']], ['Neg', ['a'], ['z']]] }, 1, ['Relu', 'Neg']],
  'a chain': [{ inputs: x, outputs: ['y'], nodes: [['Relu', ['x'], ['a']], ['Identity', ['a'], ['b']], ['Identity', ['b'], ['c']], ['Identity', ['c'], ['y']]] }, 3, ['Relu']],
  'a Dropout': [{ inputs: x, outputs: ['y'], nodes: [['Dropout', ['x'], ['a', 'mask']], ['Neg', ['a'], ['y']]] }, 1, ['Neg']],
  'a Dropout told that it does not train': [{ inputs: x, constants: { r: scalar(0.5), no }, outputs: ['y'], nodes: [['Dropout', ['x', 'r', 'no'], ['a']], ['Neg', ['a'], ['y']]] }, 1, ['Neg']],
  'a factor of one, wherever it stands': [{ inputs: x, constants: { one: scalar(1) }, outputs: ['y'], nodes: [['Mul', ['x', 'one'], ['a']], ['Mul', ['one', 'a'], ['b']], ['Div', ['b', 'one'], ['c']], ['Neg', ['c'], ['y']]] }, 3, ['Neg']],
  'a term of zero': [{ inputs: x, constants: { zero: float32(0) }, outputs: ['y'], nodes: [['Add', ['x', 'zero'], ['a']], ['Sub', ['a', 'zero'], ['b']], ['Add', ['zero', 'b'], ['c']], ['Neg', ['c'], ['y']]] }, 3, ['Neg']],
  'a Cast to the type there is': [{ inputs: x, outputs: ['y'], nodes: [['Cast', ['x'], ['a'], { to: 1 }], ['Neg', ['a'], ['y']]] }, 1, ['Neg']],
};

const nearMisses: Record<string, Sketch> = {
  'an Identity from a graph input to a graph output': { inputs: x, outputs: ['y'], nodes: [['Identity', ['x'], ['y']]] },
  'an Identity from an initializer to a graph output': { inputs: x, constants: { w: float32(1) }, outputs: ['y', 'z'], nodes: [['Identity', ['w'], ['y']], ['Neg', ['x'], ['z']]] },
  'an Identity between two graph outputs': { inputs: x, outputs: ['a', 'y'], nodes: [['Relu', ['x'], ['a']], ['Identity', ['a'], ['y']]] },
  'a Dropout whose mask is read': { inputs: x, outputs: ['y', 'z'], nodes: [['Dropout', ['x'], ['a', 'mask']], ['Neg', ['a'], ['y']], ['Cast', ['mask'], ['z'], { to: 1 }]] },
  'another factor': { inputs: x, constants: { two: scalar(2) }, outputs: ['y'], nodes: [['Mul', ['x', 'two'], ['a']], ['Neg', ['a'], ['y']]] },
  'one divided, and zero less': { inputs: x, constants: { one: scalar(1), zero: scalar(0) }, outputs: ['y'], nodes: [['Div', ['one', 'x'], ['a']], ['Sub', ['zero', 'a'], ['y']]] },
  'ones that change the shape': { inputs: x, constants: { ones: weight([1, 1, 1], { min: 1, max: 1 }), many: weight([3], { min: 1, max: 1 }) }, outputs: ['y'], nodes: [['Mul', ['x', 'ones'], ['a']], ['Mul', ['a', 'many'], ['b']], ['Neg', ['b'], ['y']]] },
  'a Cast to another type': { inputs: x, outputs: ['y'], nodes: [['Cast', ['x'], ['a'], { to: 7 }], ['Cast', ['a'], ['y'], { to: 1 }]] },
};

suite('passes/remove-identity', test => {
  for (const [what, [sketch, rewrites, left]] of Object.entries(matches)) {
    test(`removes ${what}`, async () => {
      const model = draw(sketch);
      const after = await equivalent(model, removeIdentity, { rewrites });
      assert.equal(operators(after), left);
    });
  }

  for (const [what, sketch] of Object.entries(nearMisses)) {
    test(`leaves ${what} alone`, async () => {
      const model = draw(sketch);
      const before = operators(model);
      const after = await equivalent(model, removeIdentity, { rewrites: 0 });
      assert.equal(operators(after), before);
    });
  }

  test('leaves a Dropout that trains, or may, alone', () => {
    const trains = draw({ inputs: x, constants: { r: scalar(0.5), yes }, outputs: ['y'], nodes: [['Dropout', ['x', 'r', 'yes'], ['a']], ['Neg', ['a'], ['y']]] });
    const may = draw({ inputs: { ...x, mode: { dtype: 'bool', shape: [] } }, constants: { r: scalar(0.5) }, outputs: ['y'], nodes: [['Dropout', ['x', 'r', 'mode'], ['a']], ['Neg', ['a'], ['y']]] });
    assert.equal([removeIdentity(trains).rewrites, removeIdentity(may).rewrites], [0, 0]);
  });

  test('keeps a name that a subgraph captures', () => {
    const model = draw({ inputs: x, outputs: ['y'], nodes: [['Relu', ['x'], ['a']], ['Identity', ['a'], ['b']], ['If', ['x'], ['y']]] });
    const [, , branch] = model.graph.nodes;
    const b = model.graph.value('b');
    branch!.captures.push(b);
    b.uses.push({ node: branch!, index: -1 });
    assert.is(removeIdentity(model).rewrites, 0);
  });

  test('forgets the name that is gone', () => {
    const model = draw(matches['an interior Identity']![0]);
    removeIdentity(model);
    assert.equal([...model.graph.values.keys()], ['x', 'a', 'y']);
  });
});
