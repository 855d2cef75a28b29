import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

import { QuantSim } from '../../pipeline/sim/quant-sim.ts';
import { floats } from '../support/random.ts';
import { samplesFile } from '../support/samples.ts';
import { suite } from '../support/suite.ts';
import { inFolder } from '../support/temporary.ts';
import { type Bytes, field, graph, input, model, node, output } from '../support/wire.ts';

/** An entry of metadata_props, which each message has under another number. */
const note = (number: number, value: string): Bytes => field(number, field(1, 'note'), field(2, value));
const notes = { model: note(14, 'of a model'), graph: note(16, 'of a graph'), node: note(9, 'of a node'), value: note(4, 'of a value') };
const doc = field(6, 'a doc string');

/** x [4] → Abs → Exp → y, with notes as PyTorch's exporter leaves them. */
const noted = model(graph(
  node('Abs', ['x'], ['a'], field(3, 'first'), notes.node), node('Exp', ['a'], ['y']), input('x'), output('y'),
  field(13, field(1, 'a'), field(2, field(1, field(1, 1))), notes.value), notes.graph,
), doc, notes.model);

suite('end-to-end/metadata', test => {
  test('what a user notes in a model is in both models that a run writes', () => inFolder(async folder => {
    await writeFile(join(folder, 'model.onnx'), noted);
    await writeFile(join(folder, 'data.arrow'), samplesFile({ x: { size: 4, values: floats(16) } }, 4));
    const sim = await QuantSim.open(join(folder, 'model.onnx'));
    for await (const _ of sim.calibrate(join(folder, 'data.arrow'), { workers: 1, engine: 'native' })); // progress is not looked at
    await sim.export(join(folder, 'out'));
    for (const name of ['model.onnx', 'model.qdq.onnx']) {
      const written = await readFile(join(folder, 'out', name));
      for (const [of, bytes] of Object.entries({ ...notes, doc })) assert.ok(written.includes(Buffer.from(bytes)), `${name}: the note of the ${of}`);
    }
  }));
});
