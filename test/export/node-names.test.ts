import * as assert from 'uvu/assert';

import { openEngine } from '../../pipeline/engine/index.ts';
import { qdqModel } from '../../pipeline/export/qdq-model.ts';
import { replaceNode } from '../../pipeline/graph/edit.ts';
import type { Model } from '../../pipeline/graph/graph.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { buildModel, checkLinks, weight } from '../support/graphs.ts';
import { placementOf } from '../support/placements.ts';
import { suite } from '../support/suite.ts';
import { node } from './models.ts';

const namesOf = ({ graph }: Model) => graph.nodes.map(({ name }) => name);

/** Assert that no two nodes have one name, and that both engines load the model, which refuse it otherwise. */
async function loads(model: Model): Promise<void> {
  checkLinks(model.graph);
  const names = namesOf(model);
  assert.equal(names.filter((name, at) => name !== '' && names.indexOf(name) !== at), [], 'names of two nodes');
  for (const engine of ['native', 'web'] as const) await (await (await openEngine(engine)).load(writeModel(model))).close();
}

suite('export/node-names', test => {
  test('a bias that two nodes share with inputs of different steps gives two nodes of different names', async () => {
    const model = buildModel({
      inputs: { x0: [1, 1, 4, 4], x1: [1, 1, 4, 4] },
      weights: { w: weight([2, 1, 3, 3], { seed: 1 }), b: weight([2], { seed: 2 }) },
      nodes: [node('Conv', ['x0', 'w', 'b'], ['y0']), node('Conv', ['x1', 'w', 'b'], ['y1'])],
      outputs: { y0: null, y1: null },
    });
    const { placement, encodings } = placementOf(
      [{ tensor: 'x0', ranges: [[-1, 1]] }, { tensor: 'x1', ranges: [[-2, 2]] }, { tensor: 'w', role: 'weight', ranges: [[-1, 1]] }],
      [0, 1].map(i => ({ tensor: 'b', input: `x${i}`, weight: 'w', node: `Conv_y${i}` })),
    );
    const exported = qdqModel(model, placement, encodings);
    await loads(exported);
    assert.equal(namesOf(exported).filter(name => name.startsWith('b_')), ['b_DequantizeLinear', 'b_DequantizeLinear_1']);
    assert.equal(namesOf(qdqModel(model, placement, encodings)), namesOf(exported), 'names of a second export');
  });

  test('a node of the model that is called as a new one would be keeps its name', async () => {
    const taken = ['x_QuantizeLinear', 'x_DequantizeLinear', 'x_DequantizeLinear_1'];
    const nodes = taken.map((name, i) => ({ ...node('Neg', [i === 0 ? 'x' : `t${i - 1}`], [`t${i}`]), name }));
    const model = buildModel({ inputs: { x: [4] }, nodes, outputs: { t2: null } });
    const { placement, encodings } = placementOf([{ tensor: 'x', ranges: [[-1, 1]] }]);
    const exported = qdqModel(model, placement, encodings);
    await loads(exported);
    assert.equal(namesOf(exported), ['x_QuantizeLinear_1', 'x_DequantizeLinear_2', ...taken]);
  });

  test('a node in the place of another may have its name, and no other one\'s', () => {
    const model = buildModel({ inputs: { x: [4] }, nodes: [node('Neg', ['x'], ['a']), node('Abs', ['a'], ['y'])], outputs: { y: null } });
    const { graph } = model;
    replaceNode(graph, graph.nodes[0]!, { opType: 'Abs', name: 'Neg_a', inputs: [graph.values.get('x')!] });
    assert.equal(namesOf(model), ['Neg_a', 'Abs_y']);
    replaceNode(graph, graph.nodes[1]!, { opType: 'Neg', name: 'Neg_a', inputs: [graph.values.get('a')!] });
    assert.equal(namesOf(model), ['Neg_a', 'Neg_a_1']);
  });
});
