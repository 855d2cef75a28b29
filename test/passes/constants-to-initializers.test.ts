import * as assert from 'uvu/assert';

import type { Attribute } from '../../pipeline/graph/attribute.ts';
import { initializerOf } from '../../pipeline/graph/node.ts';
import { constantsToInitializers } from '../../pipeline/passes/constants-to-initializers.ts';
import { equivalent } from '../support/graphs.ts';
import { draw, float32, int64, operators, scalar } from '../support/sketch.ts';
import { suite } from '../support/suite.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const floatAttributes: Record<string, Attribute> = {
  value: { kind: 'tensor', value: initializerOf(float32(1, 2)) },
  value_float: { kind: 'float', value: 0.5 },
  value_floats: { kind: 'floats', value: [3, 4] },
};

suite('passes/constants-to-initializers', test => {
  for (const [name, attribute] of Object.entries(floatAttributes)) {
    test(`turns a Constant with ${name} into an initializer of the same name`, async () => {
      const model = draw({
        inputs: { x: [2] }, outputs: ['y'],
        nodes: [['Constant', [], ['c'], { [name]: attribute }], ['Add', ['x', 'c'], ['y']]],
      });
      const after = await equivalent(model, constantsToInitializers, { rewrites: 1 });
      assert.equal(operators(after), ['Add']);
      assert.ok(after.graph.values.get('c')!.initializer);
    });
  }

  // attribute, its dtype, dims and content
  const others: [Attribute, string, Attribute['kind'], number[], unknown[]][] = [
    [{ kind: 'int', value: 7n }, 'value_int', 'int', [], [7n]],
    [{ kind: 'ints', value: [1n, -2n] }, 'value_ints', 'ints', [2], [1n, -2n]],
    [{ kind: 'string', value: utf8('añ') }, 'value_string', 'string', [], ['añ']],
    [{ kind: 'strings', value: [utf8('a'), utf8('')] }, 'value_strings', 'strings', [2], ['a', '']],
  ];
  for (const [attribute, name, , dims, data] of others) {
    test(`reads ${name}`, () => {
      const model = draw({ inputs: { x: [2] }, outputs: ['y'], nodes: [['Constant', [], ['c'], { [name]: attribute }], ['Op', ['x', 'c'], ['y']]] });
      assert.is(constantsToInitializers(model).rewrites, 1);
      const tensor = model.graph.values.get('c')!.initializer!.read();
      assert.equal([tensor.dtype, tensor.dims, Array.from(tensor.data as unknown[])], [name.includes('int') ? 'int64' : 'string', dims, data]);
    });
  }

  test('hands the tensor over without reading it', () => {
    const content = { ...initializerOf(float32(1)), read: () => assert.unreachable('the tensor was decoded') as never };
    const model = draw({ inputs: { x: [1] }, outputs: ['y'], nodes: [['Constant', [], ['c'], { value: { kind: 'tensor', value: content } }], ['Add', ['x', 'c'], ['y']]] });
    constantsToInitializers(model);
    assert.is(model.graph.values.get('c')!.initializer, content);
  });

  test('leaves a sparse constant, a graph output and a Constant of another domain alone', () => {
    const value: Attribute = { kind: 'tensor', value: initializerOf(scalar(1)) };
    const model = draw({
      inputs: { x: [1] }, outputs: ['y', 'out'],
      nodes: [
        ['Constant', [], ['sparse'], { sparse_value: { kind: 'other', origin: null } }],
        ['Constant', [], ['out'], { value }],
        ['other:Constant', [], ['foreign'], { value }],
        ['Sum', ['x', 'sparse', 'foreign'], ['y']],
      ],
    });
    assert.is(constantsToInitializers(model).rewrites, 0);
    assert.is(model.graph.nodes.length, 4);
  });

  test('keeps integers whole', async () => {
    const model = draw({
      inputs: { x: [2, 3] }, outputs: ['y'],
      nodes: [['Constant', [], ['shape'], { value: { kind: 'tensor', value: initializerOf(int64(3, -1)) } }], ['Reshape', ['x', 'shape'], ['y']]],
    });
    await equivalent(model, constantsToInitializers, { rewrites: 1 });
  });
});
