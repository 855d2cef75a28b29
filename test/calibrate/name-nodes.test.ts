import * as assert from 'uvu/assert';

import { QuantpipeError } from '../../pipeline/base/errors.ts';
import { nameNodes } from '../../pipeline/calibrate/name-nodes.ts';
import { openEngine, type EngineName } from '../../pipeline/engine/index.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { buildModel, type NodeLine } from '../support/graphs.ts';
import { suite } from '../support/suite.ts';

const chain = (count: number, op: string, domain = ''): NodeLine[] =>
  Array.from({ length: count }, (_, i) => ({ op, domain, name: i === 1 ? '' : `odd${i}`, in: [i === 0 ? 'x' : `h${i - 1}`], out: [`h${i}`] }));

async function loadError(nodes: NodeLine[], engine: EngineName): Promise<QuantpipeError> {
  const model = buildModel({ inputs: { x: [1] }, nodes, outputs: { [nodes.at(-1)!.out[0]!]: [1] } });
  const error = await (await openEngine(engine)).load(writeModel(model)).then(() => null, error => nameNodes(error, model));
  assert.instance(error, QuantpipeError);
  return error as QuantpipeError;
}

suite('calibrate/name-nodes', test => {
  test('an operator that web does not know is named with its nodes', async () => {
    const { code, message, context } = await loadError(chain(5, 'Frobnicate'), 'web');
    assert.is(code, 'engine-failed');
    assert.match(message, /Frobnicate.*; it is the operator of 'odd0', Frobnicate of 'h1', 'odd2' and 2 more$/);
    assert.equal([context['operator'], context['node']], ['Frobnicate', 'odd0']);
  });

  test('native names the node itself', async () => {
    assert.match((await loadError(chain(1, 'Frobnicate'), 'native')).message, /\("odd0", Frobnicate/);
  });

  test('other errors stay as they are', () => {
    const model = buildModel({ inputs: { x: [1] }, nodes: chain(1, 'Relu'), outputs: { h0: [1] } });
    for (const error of [new Error('bug'), new QuantpipeError('data-invalid', 'no'), new QuantpipeError('engine-failed', 'out of memory')]) {
      assert.is(nameNodes(error, model), error);
    }
  });
});
