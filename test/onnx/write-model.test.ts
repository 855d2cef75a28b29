import { readFile } from 'node:fs/promises';
import * as assert from 'uvu/assert';

import { float32Tensor } from '../../pipeline/base/tensor.ts';
import { type Attribute, floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../../pipeline/graph/attribute.ts';
import { cloneModel } from '../../pipeline/graph/clone.ts';
import { addInitializer, addValue, freshName, insertAfter, removeNode, replaceUses, setInput } from '../../pipeline/graph/edit.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { initializerOf, type ValueType } from '../../pipeline/graph/node.ts';
import { readModel } from '../../pipeline/onnx/read-model.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { buildModel, checkLinks, feedsFor, runModel, sameOutputs, weight } from '../support/graphs.ts';
import { sameMessage } from '../support/messages.ts';
import { suite } from '../support/suite.ts';
import { type Bytes, concat, field, graph, initializer, input, model, node, output, rawData } from '../support/wire.ts';

const one = rawData(new Uint8Array(Float32Array.of(1).buffer));
const doc = field(10, 'kept');
const typed = (number: number, name: string, code: number, ...dims: (number | string)[]) => field(number, field(1, name),
  field(2, field(1, field(1, code), field(2, ...dims.map(dim => field(1, typeof dim === 'number' ? field(1, dim) : field(2, dim)))))));
const untyped = (number: number, name: string) => field(number, field(1, name));

/** Assert that `edit` turns the first graph into the second. */
function turns(before: Bytes[], edit: (model: Model) => void, after: Bytes[]): void {
  const read = readModel(model(graph(...before, doc)));
  edit(read);
  sameMessage('ModelProto', writeModel(read), model(graph(...after, doc)));
}

const relu = node('Relu', ['x'], ['y']);

suite('onnx/write-model', test => {
  test('a model made in memory is read back the same', () => {
    const attributes: Record<string, Attribute> = {
      int: intAttribute(-3), ints: intsAttribute([1, 2]), float: floatAttribute(0.5), string: stringAttribute('é'),
      floats: { kind: 'floats', value: [1, -0.25] }, strings: { kind: 'strings', value: [Uint8Array.of(1, 255)] },
      tensor: { kind: 'tensor', value: initializerOf(float32Tensor([2], Float32Array.of(1, 2))) },
    };
    const types: ValueType[] = [{ dtype: 'int4', shape: [2, 'N', null] }, { dtype: 'float16', shape: [] }, { dtype: 'string', shape: null }];
    const made = buildModel({
      inputs: Object.fromEntries(types.map((type, at) => [`x${at}`, type as never])), weights: { w: weight([3]) },
      nodes: [{ op: 'Made', name: 'n', domain: 'com.example', in: ['x0', '', 'x1', 'x2', 'w'], out: ['y', '', 'z'], attributes }], outputs: { z: [1], y: null },
    });
    made.opsets.set('com.example', 2);
    const { graph, opsets } = readModel(writeModel(made));
    checkLinks(graph);
    assert.equal([...opsets], [['', 17], ['com.example', 2]]);
    assert.equal(graph.inputs.map(({ type }) => type), types);
    assert.equal(graph.outputs.map(({ name, type }) => [name, type]), [['z', { dtype: 'float32', shape: [1] }], ['y', null]]);
    const [made1] = graph.nodes;
    assert.equal([made1!.opType, made1!.name, made1!.domain], ['Made', 'n', 'com.example']);
    assert.equal(made1!.inputs.map(value => value?.name ?? null), ['x0', null, 'x1', 'x2', 'w']);
    assert.equal(made1!.outputs.map(value => value?.name ?? null), ['y', null, 'z']);
    assert.equal([...made1!.attributes.keys()], Object.keys(attributes));
    for (const [name, attribute] of made1!.attributes) {
      if (attribute.kind === 'tensor') assert.equal(attribute.value.read().data, Float32Array.of(1, 2));
      else assert.equal(attribute, attributes[name]);
    }
  });

  test('an edit changes its own fields and no others', () => {
    const more = field(6, 'doc');
    turns([node('Relu', ['x'], ['y'], more, field(3, 'n')), input('x'), output('y'), initializer('w', [1], 1, one)],
      ({ graph }) => {
        const [n] = graph.nodes;
        n!.name = 'renamed';
        n!.attributes.set('axis', intAttribute(1));
        setInput(n!, 1, graph.value('w'));
      },
      [node('Relu', ['x', 'w'], ['y'], more, field(3, 'renamed'), field(5, field(1, 'axis'), field(20, 2), field(3, 1))), input('x'), output('y'), initializer('w', [1], 1, one)]);
  });

  test('replaced content is written anew, untouched content as it was', () => {
    const note = field(12, 'doc');
    turns([relu, input('x'), output('y'), initializer('a', [1], 1, one, note), initializer('b', [1], 1, one, note)],
      ({ graph }) => { graph.value('a').initializer = initializerOf(float32Tensor([2], Float32Array.of(0, 0))); },
      [relu, input('x'), output('y'), initializer('a', [2], 1, rawData(new Uint8Array(8))), initializer('b', [1], 1, one, note)]);
  });

  test('new values are declared where they have a type; dead ones are not declared any more', () => {
    turns([node('Abs', ['x'], ['a']), node('Neg', ['a'], ['b']), node('Relu', ['b'], ['y']), input('x'), output('y'), typed(13, 'b', 1, 'N'), typed(13, 'a', 1, 'N')],
      ({ graph }) => {
        const [a, b] = [graph.value('a'), graph.value('b')];
        replaceUses(b, a);
        removeNode(graph, b.producer ?? graph.nodes[1]!);
        const [c, d] = [addValue(graph, 'c'), addValue(graph, 'd')];
        c.type = { dtype: 'float32', shape: [3, null] };
        insertAfter(graph, graph.nodes[1]!, { opType: 'Split', inputs: [a], outputs: [c, d] });
        addInitializer(graph, 'w', float32Tensor([1], Float32Array.of(1)));
      },
      [node('Abs', ['x'], ['a']), node('Relu', ['a'], ['y']), node('Split', ['a'], ['c', 'd']), input('x'), output('y'), initializer('w', [1], 1, one),
        typed(13, 'a', 1, 'N'), field(13, field(1, 'c'), field(2, field(1, field(1, 1), field(2, field(1, field(1, 3)), field(1, new Uint8Array())))))]);
  });

  test('a type that a pass changes or takes away is written so, everywhere it was declared', () => {
    turns([relu, typed(11, 'x', 1, 4), typed(12, 'y', 1, 4), typed(13, 'y', 1, 4), typed(13, 'h', 1, 4), node('Abs', ['y'], ['h'])],
      ({ graph }) => {
        graph.value('x').type = { dtype: 'float16', shape: ['N', 4] };
        graph.value('y').type = null;
        graph.value('h').type = null;
      },
      [relu, typed(11, 'x', 10, 'N', 4), untyped(12, 'y'), node('Abs', ['y'], ['h'])]);
  });

  test('a value that becomes an output keeps its declaration, and gets one there', () => {
    turns([node('Abs', ['x'], ['a']), node('Relu', ['a'], ['y']), input('x'), output('y'), typed(13, 'a', 1, 4)],
      ({ graph }) => graph.outputs.push(graph.value('a')),
      [node('Abs', ['x'], ['a']), node('Relu', ['a'], ['y']), input('x'), output('y'), typed(12, 'a', 1, 4), typed(13, 'a', 1, 4)]);
  });

  test('weights listed as inputs are both, until one end is cut', () => {
    const parts = [node('Add', ['x', 'w'], ['y']), initializer('w', [1], 1, one), input('x'), input('w'), output('y')];
    turns(parts, ({ graph }) => assert.equal(graph.inputs.map(({ name, initializer }) => [name, initializer !== null]), [['x', false], ['w', true]]), parts);
    turns(parts, ({ graph }) => { graph.inputs.pop(); }, parts.toSpliced(3, 1));
  });

  test('nodes that come too early are moved behind what they read; others stay', () => {
    turns([node('Add', ['b', 'a'], ['y']), node('Abs', ['x'], ['a']), node('Neg', ['c'], ['b']), node('Exp', ['x'], ['c']), input('x'), output('y')],
      ({ graph }) => checkLinks(graph),
      [node('Exp', ['x'], ['c']), node('Neg', ['c'], ['b']), node('Abs', ['x'], ['a']), node('Add', ['b', 'a'], ['y']), input('x'), output('y')]);
  });

  test('operator sets: the standard one has two names, a raised one raises the format version where it must', () => {
    const imports = (...sets: [string, number][]) => concat(...sets.map(([domain, version]) => field(8, field(1, domain), field(2, version))));
    const whole = (ir: number, ...sets: [string, number][]) => concat(field(1, ir), field(7, graph(relu, input('x'), output('y'))), imports(...sets));
    const read = readModel(whole(4, ['com.example', 1], ['ai.onnx', 9]));
    assert.is(read.opsets.get(''), 9);
    read.opsets.set('', 13).set('com.microsoft', 1);
    read.opsets.delete('com.example');
    sameMessage('ModelProto', writeModel(read), whole(7, ['ai.onnx', 13], ['com.microsoft', 1]));
    const old = readModel(concat(field(1, 2), field(7, graph(relu, input('x'), output('y')))));
    old.opsets.set('', 13);
    sameMessage('ModelProto', writeModel(old), whole(7, ['', 13]));
  });

  test('what subgraphs read is captured, at every depth; what they define, no new value is called', async () => {
    const branch = (name: string, ...parts: Bytes[]) => field(5, field(1, name), field(6, ...parts, field(2, name)), field(20, 5));
    const scalar = (number: number, name: string, code: number) => field(number, field(1, name), field(2, field(1, field(1, code), field(2))));
    const inner = node('If', ['c'], ['i'],
      branch('then_branch', node('Add', ['h', 'local'], ['t1']), output('t1')), branch('else_branch', node('Mul', ['x', 'w'], ['e1']), output('e1')));
    const bytes = model(graph(
      node('Abs', ['x'], ['h']),
      node('If', ['c'], ['y'], branch('then_branch', node('Neg', ['x'], ['local']), inner, output('i')), branch('else_branch', node('Relu', ['x'], ['e']), output('e'))),
      input('x'), scalar(11, 'c', 9), initializer('w', [1], 1, one), output('y'),
    ));
    const read = readModel(bytes);
    checkLinks(read.graph);
    assert.equal(read.graph.nodes[1]!.captures.map(({ name }) => name).sort(), ['c', 'h', 'w', 'x']);
    assert.equal(read.graph.value('h').uses.map(({ index }) => index), [-1]);
    for (const { graph } of [read, cloneModel(read)]) assert.equal(['h', 'local', 't1', 'free'].map(name => freshName(graph, name)), ['h_1', 'local_1', 't1_1', 'free']);
    const feeds = { x: weight([4]), c: { dtype: 'bool', dims: [], data: Uint8Array.of(1) } } as const;
    sameOutputs(await runModel(read, feeds), await runModel(bytes, feeds));
  });

  test('the runtime loads and computes every fixture as before', async () => {
    for (const name of ['fmnist-cnn-bn', 'fmnist-lstm']) {
      const bytes = await readFile(`fixtures/models/${name}.onnx`);
      const read = readModel(bytes);
      sameOutputs(await runModel(read, feedsFor(read)), await runModel(bytes, feedsFor(read)));
    }
  });
});
