import * as assert from 'uvu/assert';

import { inOrder } from '../../pipeline/graph/walk.ts';
import { buildModel } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';

const chain = (length: number) => buildModel({
  inputs: { v0: [1] }, outputs: { [`v${length}`]: [1] },
  nodes: Array.from({ length }, (_, at) => ({ op: 'Relu', name: `n${at}`, in: [`v${at}`], out: [`v${at + 1}`] })),
}).graph;

suite('graph/walk', test => {
  test('a long chain in reverse is put in order without deep recursion', () => {
    const { nodes } = chain(20_000);
    assert.equal(inOrder(nodes.toReversed()).map(({ name }) => name), nodes.map(({ name }) => name));
  });

  test('nodes in order stay as they are', () => {
    const { nodes } = buildModel({
      inputs: { x: [1] }, outputs: { d: [1] },
      nodes: [{ op: 'B', in: ['x'], out: ['b'] }, { op: 'A', in: ['x'], out: ['a'] }, { op: 'D', in: ['a', 'b', 'a'], out: ['d'] }],
    }).graph;
    assert.equal(inOrder(nodes), nodes);
  });
});
